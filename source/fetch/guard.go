package fetch

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"time"

	"github.com/smartretriever/smartretriever/rag"
)

// guard decides which addresses are connected to. It is asked at the last moment,
// with the address that the connection is about to be made to: a name that
// resolves to one address when it is looked at and to another when it is used, or a
// redirect to either, gains nothing.
type guard struct {
	allow   allowed
	proxied bool // the connection goes to the proxy that the settings name
}

// The special-purpose networks of IANA's registries (RFC 6890 and its updates)
// that are not reachable globally, by why they are refused.
var special = []struct {
	prefix netip.Prefix
	why    string
	hard   bool // opened by address or network only, not by a host's name
}{
	{netip.MustParsePrefix("169.254.0.0/16"), "a link-local or metadata address", true},
	{netip.MustParsePrefix("100.100.100.200/32"), "a metadata address", true},
	{netip.MustParsePrefix("192.0.0.0/24"), "a metadata or reserved address", true},
	{netip.MustParsePrefix("168.63.129.16/32"), "a metadata address", true},
	{netip.MustParsePrefix("fd00:ec2::/32"), "a metadata address", true},
	{netip.MustParsePrefix("fd20:ce::/32"), "a metadata address", true},
	{netip.MustParsePrefix("fe80::/10"), "a link-local address", true},
	{netip.MustParsePrefix("0.0.0.0/8"), "an address of this machine", false},
	{netip.MustParsePrefix("127.0.0.0/8"), "a loopback address", false},
	{netip.MustParsePrefix("::/128"), "an address of this machine", false},
	{netip.MustParsePrefix("::1/128"), "a loopback address", false},
	{netip.MustParsePrefix("10.0.0.0/8"), "a private address", false},
	{netip.MustParsePrefix("172.16.0.0/12"), "a private address", false},
	{netip.MustParsePrefix("192.168.0.0/16"), "a private address", false},
	{netip.MustParsePrefix("100.64.0.0/10"), "a shared (carrier NAT) address", false},
	{netip.MustParsePrefix("fc00::/7"), "a private (unique local) address", false},
	{netip.MustParsePrefix("fec0::/10"), "a private (site-local) address", false},
	{netip.MustParsePrefix("192.0.2.0/24"), "an address for documentation", true},
	{netip.MustParsePrefix("198.51.100.0/24"), "an address for documentation", true},
	{netip.MustParsePrefix("203.0.113.0/24"), "an address for documentation", true},
	{netip.MustParsePrefix("192.88.99.0/24"), "a relay's address", true},
	{netip.MustParsePrefix("198.18.0.0/15"), "an address for benchmarks", true},
	{netip.MustParsePrefix("224.0.0.0/4"), "a multicast address", true},
	{netip.MustParsePrefix("240.0.0.0/4"), "a reserved or broadcast address", true},
	{netip.MustParsePrefix("ff00::/8"), "a multicast address", true},
	{netip.MustParsePrefix("2001::/23"), "an address of a protocol", true},
	{netip.MustParsePrefix("2001:db8::/32"), "an address for documentation", true},
	{netip.MustParsePrefix("3fff::/20"), "an address for documentation", true},
}

var (
	global6 = netip.MustParsePrefix("2000::/3")        // what IANA has given to global unicast
	nat64   = netip.MustParsePrefix("64:ff9b::/96")    // RFC 6052, holds an IPv4 address at its end
	sixTo4  = netip.MustParsePrefix("2002::/16")       // RFC 3056, holds one behind the prefix
	compat  = netip.MustParsePrefix("::/96")           // RFC 4291, deprecated, holds one at its end
	transl  = netip.MustParsePrefix("::ffff:0:0:0/96") // RFC 2765, holds one at its end
)

// refusal says why an address is not public, "" if it is. hard says that the name
// of a host does not open it.
func refusal(ip netip.Addr) (why string, hard bool) {
	ip = ip.Unmap()
	for _, s := range special {
		if s.prefix.Contains(ip) {
			return s.why, s.hard
		}
	}
	if ip.Is4() {
		return "", false
	}
	b := ip.As16()
	switch {
	case nat64.Contains(ip), compat.Contains(ip), transl.Contains(ip):
		return refusal(netip.AddrFrom4([4]byte(b[12:])))
	case sixTo4.Contains(ip):
		return refusal(netip.AddrFrom4([4]byte(b[2:])))
	case !global6.Contains(ip):
		return "not a global address", true
	}
	return "", false
}

// check returns an error of KindRefused unless host, which resolved to ip, may be
// reached there.
func (g *guard) check(host string, ip netip.Addr) error {
	ip = ip.WithZone("").Unmap()
	why, hard := refusal(ip)
	if why == "" || g.allow.address(ip) || !hard && g.allow.host(host) {
		return nil
	}
	if host == ip.String() {
		return rag.Errorf(rag.KindRefused, "%s is %s; to reach it, name it in allow", host, why)
	}
	return rag.Errorf(rag.KindRefused, "%s leads to %s, %s; to reach it, name the host or its network in allow", host, ip, why)
}

// literal checks a host that is an address or names this machine before anything
// is connected, which is all that can be done ahead of a proxy.
func (g *guard) literal(host string) error {
	if ip, err := netip.ParseAddr(host); err == nil {
		return g.check(host, ip)
	}
	name := strings.TrimSuffix(strings.ToLower(host), ".")
	if (name == "localhost" || strings.HasSuffix(name, ".localhost")) && !g.allow.host(name) && !g.allow.address(netip.AddrFrom4([4]byte{127, 0, 0, 1})) {
		return rag.Errorf(rag.KindRefused, "%s is this machine; to reach it, name it in allow", host)
	}
	return nil
}

// dial returns the DialContext of a transport.
func (g *guard) dial(resolver *net.Resolver, timeout time.Duration) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		d := net.Dialer{Timeout: timeout, KeepAlive: 30 * time.Second, Resolver: resolver}
		if !g.proxied {
			host, _, err := net.SplitHostPort(address)
			if err != nil {
				return nil, err
			}
			d.Control = func(_, resolved string, _ syscall.RawConn) error {
				to, err := netip.ParseAddrPort(resolved)
				if err != nil {
					return rag.Errorf(rag.KindRefused, "%s leads to no address of the internet", host)
				}
				return g.check(host, to.Addr())
			}
		}
		return d.DialContext(ctx, network, address)
	}
}
