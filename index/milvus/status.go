package milvus

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/smartretriever/smartretriever/index/external/call"
	"github.com/smartretriever/smartretriever/index/external/rpc"
	"github.com/smartretriever/smartretriever/rag"
)

// Codes of Milvus (merr) that this package tells apart.
const (
	codeMemoryLimit      = 3
	codeTooManyRequests  = 4
	codeLiteIllegal      = 6 // Milvus Lite's illegal argument
	codeDiskLimit        = 7
	codeRateLimit        = 8
	codeQuota            = 9
	codeNoCollection     = 100
	codeNotLoaded        = 101
	codeTooMany          = 102 // collections
	codeNotFullyLoaded   = 103
	codeNoIndex          = 700
	codeNoDatabase       = 800
	codeInvalid          = 1100 // and those up to 1199
	codeNotAuthenticated = 1400
	codeNotPermitted     = 1401
	codeNeedAuthenticate = 1800
)

// status is what Milvus says of a call that was carried out or not. As an error it is in the chain of the errors of this package.
type status struct {
	code      int
	legacy    int // of the older enumeration
	reason    string
	retriable bool
}

func (s *status) Error() string { return fmt.Sprintf("%s (code %d)", s.reason, s.code) }

func readStatus(message []byte) (s status, err error) {
	for f, err := range rpc.Fields(message) {
		switch {
		case err != nil:
			return s, err
		case f.Is(1, protowire.VarintType):
			s.legacy = int(int32(f.Value))
		case f.Is(2, protowire.BytesType):
			s.reason = string(f.Data)
		case f.Is(3, protowire.VarintType):
			s.code = int(int32(f.Value))
		case f.Is(4, protowire.VarintType):
			s.retriable = f.Value != 0
		}
	}
	return s, nil
}

// err returns nil for success, and else an error of one of rag's kinds.
func (s status) err(secrets ...string) error {
	if s.code == 0 && s.legacy == 0 {
		return nil
	}
	s.reason = call.Clean(s.reason, secrets...)
	kind, says := s.kind()
	return rag.Wrap(kind, &s, product+": "+says)
}

func (s status) kind() (kind rag.Kind, says string) {
	switch s.code {
	case codeNoCollection:
		return rag.KindNotFound, "the space is not there"
	case codeNotAuthenticated, codeNotPermitted, codeNeedAuthenticate:
		return rag.KindUnauthorized, "the server does not accept the user or token, or does not let it do this"
	case codeMemoryLimit, codeTooManyRequests, codeDiskLimit, codeRateLimit, codeQuota, codeTooMany:
		return rag.KindExhausted, "the server is out of room or asks for fewer calls"
	case codeNotLoaded, codeNotFullyLoaded:
		return rag.KindUnavailable, "the space is not loaded"
	case codeNoDatabase:
		return rag.KindInvalid, "the server has no such database"
	}
	switch {
	case s.retriable:
		return rag.KindUnavailable, "the server cannot answer now"
	case s.code >= codeInvalid && s.code < codeInvalid+100, s.code == codeLiteIllegal && s.legacy == codeLiteIllegal:
		return rag.KindInvalid, "the server does not accept the request"
	}
	return rag.KindInternal, "the server failed"
}

func malformed(format string, args ...any) error {
	return rag.Errorf(rag.KindInternal, product+": the answer is malformed: "+format, args...)
}
