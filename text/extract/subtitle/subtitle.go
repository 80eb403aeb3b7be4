// Package subtitle extracts what is said in subtitles and transcripts: WebVTT
// (www.w3.org/TR/webvtt1) and SubRip (SRT).
//
// Cues are cut for the screen and not for reading. They are put together to
// paragraphs, a new one with every speaker, after a pause, and when one has become
// long; each begins with the time of its first cue, as in "[00:01:02] Ann: Good
// morning.", so that a quote can be found in the recording. What live captions
// repeat from cue to cue is said once (cue.go), and who speaks is taken from voice
// tags or from what stands in front of the words (speaker.go).
package subtitle

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/clean"
	"github.com/smartretriever/smartretriever/text/extract/charset"
	"github.com/smartretriever/smartretriever/text/extract/plain"
)

// Where a paragraph ends although its speaker goes on.
const (
	pause    = 3 * time.Second // of silence
	enough   = 400             // bytes, at the end of a sentence
	tooLong  = 1200            // bytes, anywhere
	maxTitle = 300             // bytes
)

// Options limit the extraction.
type Options struct {
	Limit int // most bytes of text, 0 for no limit
}

// Extract returns the text of a WebVTT or SRT file in any encoding. Title and
// language are those that the head of a WebVTT file or its notes state. A file
// without cues is read as plain text, with a warning; so there is no error but
// those of the limit (KindExhausted) and of ctx.
func Extract(ctx context.Context, content []byte, opt Options) (rag.Text, error) {
	source, _ := charset.Decode(content, "")
	b := &clean.Builder{Limit: opt.Limit}
	p, err := parse(ctx, strings.TrimPrefix(source, "\ufeff"))
	if err != nil {
		return rag.Text{}, err
	}
	if len(p.cues) == 0 && !p.webVTT {
		if err := plain.Split(ctx, b, source, rag.Paragraph); err != nil {
			return rag.Text{}, err
		}
		t := b.Text()
		t.Warnings = append(t.Warnings, "it holds no subtitles; read as plain text")
		return t, nil
	}
	if err := write(ctx, b, p.cues); err != nil {
		return rag.Text{}, err
	}
	t := b.Text()
	t.Title = clean.Cut(clean.Line(p.title), maxTitle)
	t.Language = p.language
	return t, nil
}

var (
	number  = regexp.MustCompile(`^\d+$`)
	webVTT  = regexp.MustCompile(`^WEBVTT([ \t\r\n]|$)`)
	subRip  = regexp.MustCompile(`^\s*\d+[ \t]*\r?\n[ \t]*\d+:\d\d:\d\d[,.]\d{1,3}[ \t]*-->`)
	sentEnd = regexp.MustCompile(`[.!?…。！？]["'”’»)\]]*$`)
)

// Is reports whether a text of which head is the beginning is a subtitle file.
func Is(head string) bool {
	head = strings.TrimPrefix(head, "\ufeff")
	return webVTT.MatchString(head) || subRip.MatchString(head)
}

// write joins cues to paragraphs.
func write(ctx context.Context, b *clean.Builder, cues []cue) error {
	names := recurring(cues)
	var text strings.Builder
	var begin, end time.Duration // of the paragraph that is open
	var speaker string
	flush := func() error {
		defer text.Reset()
		if text.Len() == 0 {
			return nil
		}
		line := clock(begin) + " "
		if speaker != "" {
			line += speaker + ": "
		}
		return b.Add(rag.Block{Kind: rag.Paragraph}, line+text.String())
	}
	for i, c := range cues {
		if i%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		for _, u := range c.utterances(names) {
			who := speaker
			if u.named || u.turn {
				who = u.speaker
			}
			if text.Len() > 0 && (u.turn || who != speaker || c.start > end+pause || c.start < begin ||
				text.Len() > tooLong || text.Len() > enough && sentEnd.MatchString(tail(text.String()))) {
				if err := flush(); err != nil {
					return err
				}
			}
			if text.Len() == 0 {
				begin = c.start
				if c.start > end+pause && !u.named {
					who = "" // after a silence, nobody knows
				}
				speaker = who
			} else {
				text.WriteByte(' ')
			}
			text.WriteString(strings.Join(u.text, " "))
			end = c.end
		}
	}
	return flush()
}

// tail is the end of a text, as far as the end of a sentence can be seen in it.
func tail(s string) string {
	n := max(0, len(s)-16)
	return strings.ToValidUTF8(s[n:], "")
}

// clock writes a time as people read it.
func clock(d time.Duration) string {
	s := int64(d / time.Second)
	return fmt.Sprintf("[%02d:%02d:%02d]", s/3600, s/60%60, s%60)
}
