package embedtest

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/smartretriever/smartretriever/model/remote/remotetest"
)

// Dialect is the published form of a provider's protocol, as a double speaks it.
// Requests are read strictly: a field that the form does not have is refused.
type Dialect struct {
	Name    string
	Indexed bool // vectors come with the index of their text
	Kinds   bool // questions and passages are told apart
	Lists   bool // Health finds out that the server does not have the model
	grpc    bool

	path  func(model string) string // that addresses of requests for vectors end in, with the query
	key   func(r *http.Request) string
	read  func(body []byte) (asked, error)
	write func(s *Server, a asked, items []item, tokens int) (http.Header, []byte)
	say   func(status int, message string) []byte
	about func(s *Server, path string) (any, bool) // what is answered to a GET

	wrongKey, tooMany, tooLong refusal
}

// refusal is how a dialect refuses. The format of wrongKey has the key, those of
// the others the limit and what was asked for.
type refusal struct {
	status int
	format string
}

// asked is a request for vectors, read.
type asked struct {
	model      string // "" where the path has it
	texts      []string
	kind       string
	dimensions int
	truncates  bool
	binary     bool
}

// Dialects lists all of them.
func Dialects() []*Dialect {
	return []*Dialect{OpenAI, Azure, AzureV1, Ollama, Gemini, Cohere, Voyage, Jina, TEI, Triton, TritonGRPC}
}

func bearer(r *http.Request) string {
	return strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
}

func header(name string) func(*http.Request) string {
	return func(r *http.Request) string { return r.Header.Get(name) }
}

func at(path string) func(string) string { return func(string) string { return path } }

// strict reads a body that has the fields of v and no others.
func strict(body []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	return d.Decode(v)
}

// list is a list of texts, or one text alone.
type list []string

// UnmarshalJSON implements json.Unmarshaler.
func (l *list) UnmarshalJSON(data []byte) error {
	var text string
	if json.Unmarshal(data, &text) == nil {
		*l = list{text}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(l))
}

// oneOf is an error unless value is one of those allowed.
func oneOf(field, value string, allowed ...string) error {
	for _, a := range allowed {
		if a == value {
			return nil
		}
	}
	return fmt.Errorf("%s is %q, not one of %q", field, value, allowed)
}

// sayError writes {"error": {...}}, as OpenAI does.
func sayError(status int, message string) []byte {
	return remotetest.JSON(map[string]any{"error": map[string]any{"message": message, "code": nil, "type": "invalid_request_error"}})
}

// sayText returns a function that writes {"name": "message"}.
func sayText(name string) func(int, string) []byte {
	return func(_ int, message string) []byte { return remotetest.JSON(map[string]any{name: message}) }
}

// writeData writes vectors in the form of OpenAI.
func writeData(s *Server, _ asked, items []item, tokens int) (http.Header, []byte) {
	answer := map[string]any{"object": "list", "model": s.Model, "data": items}
	if !s.NoUsage {
		answer["usage"] = map[string]int{"prompt_tokens": tokens, "total_tokens": tokens}
	}
	return nil, remotetest.JSON(answer)
}

// lists returns what the items' vectors are written as.
func lists(items []item) []any {
	out := make([]any, len(items))
	for i, it := range items {
		out[i] = it.Embedding
	}
	return out
}

var (
	tooManyHere = refusal{422, "batch size: the maximum allowed batch size is %d, not %d"}
	tooLongHere = refusal{400, "This model's maximum context length is %d tokens, however you requested %d tokens"}
)

// OpenAI is POST /embeddings.
var OpenAI = &Dialect{
	Name: "openai", Indexed: true, Lists: true,
	path: at("/embeddings"), key: bearer,
	read: func(body []byte) (asked, error) {
		var b struct {
			Model      string   `json:"model"`
			Input      []string `json:"input"`
			Dimensions int      `json:"dimensions"`
			Encoding   string   `json:"encoding_format"`
		}
		err := strict(body, &b)
		if err == nil && b.Model == "" {
			err = fmt.Errorf("model is missing")
		}
		return asked{model: b.Model, texts: b.Input, dimensions: b.Dimensions}, err
	},
	write: writeData, say: sayError,
	about: func(s *Server, path string) (any, bool) {
		return map[string]any{"data": []any{map[string]any{"id": s.Model}}}, strings.HasSuffix(path, "/models")
	},
	wrongKey: refusal{401, "Incorrect API key provided: %s"}, tooMany: tooManyHere, tooLong: tooLongHere,
}

// Azure is POST /openai/deployments/MODEL/embeddings.
var Azure = &Dialect{
	Name: "azure", Indexed: true,
	path: func(model string) string {
		return "/openai/deployments/" + url.PathEscape(model) + "/embeddings?api-version=2024-10-21"
	},
	key: func(r *http.Request) string {
		if key := r.Header.Get("api-key"); key != "" {
			return key
		}
		return bearer(r)
	},
	read: func(body []byte) (asked, error) {
		var b struct {
			Model      string   `json:"model"` // what OpenAI's client sends; the deployment counts
			Input      []string `json:"input"`
			Dimensions int      `json:"dimensions"`
			Encoding   string   `json:"encoding_format"`
		}
		return asked{}.after(strict(body, &b), func(a *asked) { *a = asked{texts: b.Input, dimensions: b.Dimensions} })
	},
	write: writeData, say: sayError,
	about: func(_ *Server, path string) (any, bool) {
		return map[string]any{"data": []any{map[string]any{"id": "gpt-4o"}}}, path == "/openai/models?api-version=2024-10-21"
	},
	wrongKey: refusal{401, "Access denied due to invalid subscription key or wrong API endpoint: %s"}, tooMany: tooManyHere, tooLong: tooLongHere,
}

// after fills in a when there is no error.
func (a asked) after(err error, fill func(*asked)) (asked, error) {
	if err == nil {
		fill(&a)
	}
	return a, err
}

// AzureV1 is POST /openai/v1/embeddings.
var AzureV1 = &Dialect{
	Name: "azure-v1", Indexed: true,
	path: at("/openai/v1/embeddings"), key: Azure.key, read: OpenAI.read, write: writeData, say: sayError,
	about: func(_ *Server, path string) (any, bool) {
		return map[string]any{"data": []any{map[string]any{"id": "gpt-4o"}}}, path == "/openai/v1/models"
	},
	wrongKey: Azure.wrongKey, tooMany: tooManyHere, tooLong: tooLongHere,
}

// Ollama is POST /api/embed.
var Ollama = &Dialect{
	Name: "ollama", Lists: true,
	path: at("/api/embed"), key: bearer,
	read: func(body []byte) (asked, error) {
		var b struct {
			Model      string   `json:"model"`
			Input      []string `json:"input"`
			Truncate   *bool    `json:"truncate"`
			Dimensions int      `json:"dimensions"`
		}
		return asked{}.after(strict(body, &b), func(a *asked) {
			*a = asked{model: b.Model, texts: b.Input, dimensions: b.Dimensions, truncates: b.Truncate == nil || *b.Truncate}
		})
	},
	write: func(s *Server, _ asked, items []item, tokens int) (http.Header, []byte) {
		answer := map[string]any{"model": s.Model, "embeddings": lists(items), "total_duration": 14143917, "load_duration": 1019500}
		if !s.NoUsage {
			answer["prompt_eval_count"] = tokens
		}
		return nil, remotetest.JSON(answer)
	},
	say: sayText("error"),
	about: func(s *Server, path string) (any, bool) {
		return map[string]any{"models": []any{map[string]any{"name": s.Model + ":latest", "model": s.Model + ":latest"}}}, path == "/api/tags"
	},
	wrongKey: refusal{401, "unauthorized: %s"}, tooMany: refusal{400, "too many inputs: %d at most, not %d"},
	tooLong: refusal{400, "the input length exceeds the context length of %d: %d"},
}

// Gemini is POST /models/MODEL:batchEmbedContents.
var Gemini = &Dialect{
	Name: "gemini", Kinds: true, Lists: true,
	path: func(model string) string { return "/v1beta/models/" + model + ":batchEmbedContents" }, key: header("x-goog-api-key"),
	read: func(body []byte) (asked, error) {
		var b struct {
			Requests []struct {
				Model   string `json:"model"`
				Content struct {
					Role  string `json:"role"`
					Parts []struct {
						Text string `json:"text"`
					} `json:"parts"`
				} `json:"content"`
				TaskType   string `json:"taskType"`
				Dimensions int    `json:"outputDimensionality"`
			} `json:"requests"`
		}
		var a asked
		if err := strict(body, &b); err != nil {
			return a, err
		}
		for _, r := range b.Requests {
			if err := oneOf("taskType", r.TaskType, "RETRIEVAL_QUERY", "RETRIEVAL_DOCUMENT"); err != nil {
				return a, err
			}
			if len(r.Content.Parts) != 1 || !strings.HasPrefix(r.Model, "models/") {
				return a, fmt.Errorf("content of %d parts for the model %q", len(r.Content.Parts), r.Model)
			}
			a.model, a.kind, a.dimensions = strings.TrimPrefix(r.Model, "models/"), r.TaskType, r.Dimensions
			a.texts = append(a.texts, r.Content.Parts[0].Text)
		}
		return a, nil
	},
	write: func(_ *Server, _ asked, items []item, _ int) (http.Header, []byte) {
		list := make([]any, len(items))
		for i, it := range items {
			list[i] = map[string]any{"values": it.Embedding}
		}
		return nil, remotetest.JSON(map[string]any{"embeddings": list})
	},
	say: func(status int, message string) []byte {
		return remotetest.JSON(map[string]any{"error": map[string]any{"code": status, "message": message, "status": "INVALID_ARGUMENT"}})
	},
	about: func(s *Server, path string) (any, bool) {
		return map[string]any{"name": "models/" + s.Model}, path == "/v1beta/models/"+s.Model
	},
	wrongKey: refusal{400, "API key not valid. Please pass a valid API key. %s"},
	tooMany:  refusal{400, "* BatchEmbedContentsRequest.requests: at most %d requests can be in one batch, not %d"},
	tooLong:  refusal{400, "The input token count exceeds the maximum number of tokens allowed (%d): %d"},
}

// Cohere is POST /v2/embed.
var Cohere = &Dialect{
	Name: "cohere", Kinds: true, Lists: true,
	path: at("/v2/embed"), key: bearer,
	read: func(body []byte) (asked, error) {
		var b struct {
			Model      string   `json:"model"`
			Texts      []string `json:"texts"`
			InputType  string   `json:"input_type"`
			Types      []string `json:"embedding_types"`
			Truncate   string   `json:"truncate"`
			Dimensions int      `json:"output_dimension"`
		}
		err := strict(body, &b)
		if err == nil {
			err = oneOf("input_type", b.InputType, "search_query", "search_document")
		}
		if err == nil && (len(b.Types) != 1 || b.Types[0] != "float") {
			err = fmt.Errorf("embedding_types is %q", b.Types)
		}
		return asked{}.after(err, func(a *asked) {
			*a = asked{model: b.Model, texts: b.Texts, kind: b.InputType, dimensions: b.Dimensions, truncates: b.Truncate != "NONE"}
		})
	},
	write: func(s *Server, a asked, items []item, tokens int) (http.Header, []byte) {
		answer := map[string]any{"id": "1", "embeddings": map[string]any{"float": lists(items)}, "texts": a.texts}
		if !s.NoUsage {
			answer["meta"] = map[string]any{"api_version": map[string]any{"version": "2"}, "billed_units": map[string]any{"input_tokens": tokens}}
		}
		return nil, remotetest.JSON(answer)
	},
	say: sayText("message"),
	about: func(s *Server, path string) (any, bool) {
		return map[string]any{"name": s.Model, "endpoints": []string{"embed"}}, path == "/v1/models/"+s.Model
	},
	wrongKey: refusal{401, "invalid api token: %s"},
	tooMany:  refusal{400, "invalid request: total number of texts must be at most %d - received %d"},
	tooLong:  refusal{400, "too many tokens: total number of tokens in the text cannot exceed %d - received %d"},
}

// Voyage is POST /embeddings with input_type.
var Voyage = &Dialect{
	Name: "voyage", Indexed: true, Kinds: true,
	path: at("/v1/embeddings"), key: bearer,
	read: func(body []byte) (asked, error) {
		var b struct {
			Model      string   `json:"model"`
			Input      []string `json:"input"`
			InputType  string   `json:"input_type"`
			Truncation *bool    `json:"truncation"`
			Dimensions int      `json:"output_dimension"`
			Type       string   `json:"output_dtype"`
			Encoding   string   `json:"encoding_format"`
		}
		err := strict(body, &b)
		if err == nil {
			err = oneOf("input_type", b.InputType, "query", "document")
		}
		return asked{}.after(err, func(a *asked) {
			*a = asked{model: b.Model, texts: b.Input, kind: b.InputType, dimensions: b.Dimensions, truncates: b.Truncation == nil || *b.Truncation}
		})
	},
	write: func(s *Server, _ asked, items []item, tokens int) (http.Header, []byte) {
		answer := map[string]any{"object": "list", "model": s.Model, "data": items}
		if !s.NoUsage {
			answer["usage"] = map[string]int{"total_tokens": tokens}
		}
		return nil, remotetest.JSON(answer)
	},
	say: sayText("detail"), about: nothing,
	wrongKey: refusal{401, "Provided API key is invalid: %s"},
	tooMany:  refusal{400, "The batch size limit is %d. Your batch size is %d."},
	tooLong:  refusal{400, "The example in your batch has too many tokens and does not fit into the model's context window of %d tokens: %d"},
}

func nothing(*Server, string) (any, bool) { return nil, false }

// Jina is POST /embeddings with task.
var Jina = &Dialect{
	Name: "jina", Indexed: true, Kinds: true,
	path: at("/v1/embeddings"), key: bearer,
	read: func(body []byte) (asked, error) {
		var b struct {
			Model      string   `json:"model"`
			Input      []string `json:"input"`
			Task       string   `json:"task"`
			Late       bool     `json:"late_chunking"`
			Truncate   bool     `json:"truncate"`
			Dimensions int      `json:"dimensions"`
		}
		err := strict(body, &b)
		if err == nil {
			err = oneOf("task", b.Task, "retrieval.query", "retrieval.passage")
		}
		if err == nil && b.Late {
			err = fmt.Errorf("late_chunking makes a text's vector depend on the others")
		}
		return asked{}.after(err, func(a *asked) {
			*a = asked{model: b.Model, texts: b.Input, kind: b.Task, dimensions: b.Dimensions, truncates: b.Truncate}
		})
	},
	write: writeData, say: sayText("detail"), about: nothing,
	wrongKey: refusal{401, "Unauthorized: %s"},
	tooMany:  refusal{422, "batch size: %d inputs at most, not %d"},
	tooLong:  refusal{400, "Single text cannot exceed %d tokens. %d tokens given."},
}

// TEI is POST /embed of Text Embeddings Inference.
var TEI = &Dialect{
	Name: "tei",
	path: at("/embed"), key: bearer,
	read: func(body []byte) (asked, error) {
		var b struct {
			Inputs     list  `json:"inputs"`
			Normalize  bool  `json:"normalize"`
			Truncate   *bool `json:"truncate"`
			Dimensions int   `json:"dimensions"`
		}
		return asked{}.after(strict(body, &b), func(a *asked) {
			*a = asked{texts: b.Inputs, dimensions: b.Dimensions, truncates: b.Truncate == nil || *b.Truncate}
		})
	},
	write: func(_ *Server, _ asked, items []item, _ int) (http.Header, []byte) {
		return nil, remotetest.JSON(lists(items))
	},
	say: func(_ int, message string) []byte {
		return remotetest.JSON(map[string]any{"error": message, "error_type": "Validation"})
	},
	about: func(s *Server, path string) (any, bool) {
		said := map[string]any{"model_id": s.Model, "max_input_length": 512, "max_client_batch_size": 32, "max_batch_tokens": 16384}
		return said, path == "/info"
	},
	wrongKey: refusal{401, "Unauthorized: %s"},
	tooMany:  refusal{413, "batch size: the maximum allowed batch size is %d, not %d"},
	tooLong:  refusal{413, "`inputs` must have less than %d tokens. Given: %d"},
}

// Triton is POST /v2/models/MODEL/infer of the Open Inference Protocol, with
// vectors as bytes behind the JSON where the request asks for that.
var Triton = &Dialect{
	Name: "triton", Lists: true,
	path: func(model string) string { return "/v2/models/" + url.PathEscape(model) + "/infer" }, key: bearer,
	read: func(body []byte) (asked, error) {
		var b struct {
			Inputs []struct {
				Name  string   `json:"name"`
				Shape []int    `json:"shape"`
				Type  string   `json:"datatype"`
				Data  []string `json:"data"`
			} `json:"inputs"`
			Outputs []struct {
				Name       string `json:"name"`
				Parameters struct {
					Binary bool `json:"binary_data"`
				} `json:"parameters"`
			} `json:"outputs"`
		}
		if err := strict(body, &b); err != nil {
			return asked{}, err
		}
		if len(b.Inputs) != 1 || len(b.Outputs) != 1 || b.Inputs[0].Name != "TEXT" || b.Outputs[0].Name != "EMBEDDING" {
			return asked{}, fmt.Errorf("unexpected inference inputs or outputs: %s", body)
		}
		in := b.Inputs[0]
		if in.Type != "BYTES" || len(in.Shape) != 2 || in.Shape[0] != len(in.Data) || in.Shape[1] != 1 {
			return asked{}, fmt.Errorf("input %q has the type %s and the shape %v for %d texts", in.Name, in.Type, in.Shape, len(in.Data))
		}
		return asked{texts: in.Data, binary: b.Outputs[0].Parameters.Binary}, nil
	},
	write: writeTensor,
	say:   sayText("error"),
	about: func(s *Server, path string) (any, bool) {
		tensor := func(name, kind string, shape ...int) any {
			return map[string]any{"name": name, "datatype": kind, "shape": shape}
		}
		return map[string]any{
			"name": s.Model, "versions": []string{"1"}, "platform": "ensemble",
			"inputs":  []any{tensor("TEXT", "BYTES", -1, 1)},
			"outputs": []any{tensor("EMBEDDING", "FP32", -1, s.dimensions())},
		}, path == "/v2/models/"+url.PathEscape(s.Model)
	},
	wrongKey: refusal{401, "unauthorized: %s"},
	tooMany:  refusal{400, "inference request batch-size must be <= %d: %d"},
	tooLong:  refusal{400, "maximum input length is %d tokens: %d"},
}

// writeTensor writes the vectors as one tensor: as bytes where that is asked for,
// unless one of them is no list of numbers.
func writeTensor(s *Server, a asked, items []item, _ int) (http.Header, []byte) {
	out := map[string]any{"name": "EMBEDDING", "datatype": "FP32", "shape": []int{len(items), s.dimensions()}}
	var data []byte
	var flat []any
	for _, it := range items {
		v, plain := it.Embedding.([]float32)
		a.binary = a.binary && plain && !s.NoUsage // a server of few abilities answers in JSON
		for _, x := range v {
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(x))
		}
		if list, ok := it.Embedding.([]any); ok {
			flat = append(flat, list...)
		} else {
			flat = append(flat, numbers(v)...)
		}
	}
	answer := map[string]any{"model_name": s.Model, "model_version": "1", "outputs": []any{out}}
	if !a.binary {
		out["data"] = flat
		return nil, remotetest.JSON(answer)
	}
	out["parameters"] = map[string]any{"binary_data_size": len(data)}
	head := remotetest.JSON(answer)
	h := http.Header{"Content-Type": {"application/octet-stream"}}
	h.Set("Inference-Header-Content-Length", strconv.Itoa(len(head)))
	return h, append(head, data...)
}
