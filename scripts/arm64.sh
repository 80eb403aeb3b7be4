#!/usr/bin/env bash
# The arithmetic of the encoder and of the index for 64-bit Arm, run by an emulator on
# other machines: every kernel over odd sizes, with dot products and on a processor
# without them, and whole encoders with both types of weights.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "$(go env GOHOSTARCH)" = arm64 ]; then
  echo "this machine is one: the ordinary tests run the kernels"
  exit
fi
. scripts/needs.sh
needs qemu-aarch64=qemu-user
export GOARCH=arm64
go test -exec 'qemu-aarch64 -cpu max' ./model/bert/kernel ./model/bert/weightfile ./index/kernel
go test -exec 'qemu-aarch64 -cpu cortex-a72' ./model/bert/kernel ./index/kernel
go test -exec 'qemu-aarch64 -cpu max' -run '^Test(Vectors|Floats)AreThoseOfTheReference$' ./model/bert/convert
go test -exec 'qemu-aarch64 -cpu max' -run 'TestShortTexts' ./model/bert
