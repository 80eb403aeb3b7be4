package fetch

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
)

func TestWhatIsPublic(t *testing.T) {
	public := []string{"8.8.8.8", "93.184.216.34", "1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00:1450:4001::1", "64:ff9b::808:808", "2002:808:808::1", "::ffff:8.8.8.8"}
	private := []string{
		"0.0.0.0", "127.0.0.1", "127.8.9.1", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "100.127.255.255", "169.254.169.254", "168.63.129.16",
		"100.100.100.200", "192.0.0.192", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255",
		"::", "::1", "fe80::1", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "2001:db8::1", "2001::1", "3fff::1", "100::1", "4000::1", "5f00::1",
		"::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2002:7f00:1::", "2002:a00:1::1", "::7f00:1", "::ffff:0:7f00:1",
	}
	var g guard
	for _, a := range public {
		if err := g.check("example.org", netip.MustParseAddr(a)); err != nil {
			t.Errorf("%s: %v", a, err)
		}
	}
	for _, a := range private {
		if err := g.check("example.org", netip.MustParseAddr(a)); !errors.Is(err, rag.ErrRefused) {
			t.Errorf("%s is let through: %v", a, err)
		}
	}
}

func TestWhatIsAllowed(t *testing.T) {
	allow, bad := parseAllow([]string{"Wiki.Corp.", "*.lab", "10.1.0.0/16", "169.254.169.253", "fd00:1::/32", "::ffff:192.168.7.0/120"})
	if len(bad) > 0 {
		t.Fatal(bad)
	}
	g := guard{allow: allow}
	for _, c := range []struct {
		host, ip string
		ok       bool
	}{
		{"wiki.corp", "10.9.9.9", true},
		{"wiki.corp.", "127.0.0.1", true},
		{"wiki.corp", "169.254.169.254", false}, // a name does not open metadata
		{"wiki.corp", "fd00:ec2::254", false},
		{"wiki.corp", "100.100.100.200", false},
		{"evil.wiki.corp", "10.9.9.9", false},
		{"a.b.lab", "192.168.0.1", true},
		{"lab", "192.168.0.1", false},
		{"notlab", "192.168.0.1", false},
		{"x.org", "10.1.2.3", true},
		{"x.org", "10.2.2.3", false},
		{"x.org", "::ffff:10.1.2.3", true},
		{"x.org", "169.254.169.253", true},
		{"x.org", "fd00:1::9", true},
		{"x.org", "192.168.7.9", true},
		{"x.org", "192.168.8.9", false},
	} {
		if err := g.check(c.host, netip.MustParseAddr(c.ip)); (err == nil) != c.ok {
			t.Errorf("%s at %s: %v", c.host, c.ip, err)
		}
	}
	if _, bad := parseAllow([]string{"http://x", "a b", "*", "*.*", "x:80", "1.2.3.4/99", ""}); len(bad) != 7 {
		t.Errorf("faults: %q", bad)
	}
}

func TestThisMachineIsRefusedBeforeAProxyIsAsked(t *testing.T) {
	g := guard{proxied: true}
	for _, host := range []string{"127.0.0.1", "localhost", "LOCALHOST.", "a.localhost", "::1", "169.254.169.254", "10.0.0.1"} {
		if err := g.literal(host); !errors.Is(err, rag.ErrRefused) {
			t.Errorf("%s: %v", host, err)
		}
	}
	if err := g.literal("example.org"); err != nil {
		t.Error(err)
	}
}
