# For the scripts beside it: installs Debian packages whose programs or, with a path
# from the root, whose files are missing.
# To be sourced; then: needs PROGRAM=PACKAGE "/FILE=PACKAGE PACKAGE" ...
needs() {
  local pair missing=()
  for pair in "$@"; do
    case $pair in
    /*) [ -e "${pair%%=*}" ] || missing+=(${pair#*=}) ;;
    *) command -v "${pair%%=*}" >/dev/null || missing+=(${pair#*=}) ;;
    esac
  done
  [ "${#missing[@]}" -eq 0 ] && return
  if ! command -v apt-get >/dev/null; then
    echo "missing, and this system has no apt-get to install them: ${missing[*]}" >&2
    return 1
  fi
  local root=()
  [ "$(id -u)" -eq 0 ] || root=(sudo)
  # Scripts that run at the same time wait for each other.
  "${root[@]}" apt-get -o DPkg::Lock::Timeout=600 update -q
  "${root[@]}" apt-get -o DPkg::Lock::Timeout=600 install -y -q --no-install-recommends "${missing[@]}"
}
