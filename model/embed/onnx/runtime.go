//go:build onnx

package onnx

import (
	"fmt"
	"os"
	"sync"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/smartretriever/smartretriever/rag"
)

// The runtime is loaded once for the process and stays: sessions of several
// embedders share it.
var (
	loading sync.Mutex
	loaded  string // the library in use, "" for none
)

// load loads the runtime, unless it is there. Another library than the first one
// is KindConflict.
func load(library string) error {
	loading.Lock()
	defer loading.Unlock()
	switch {
	case library == "":
		return rag.Errorf(rag.KindInvalid, "embedder: the path of ONNX Runtime's library is needed (libonnxruntime.so)")
	case loaded == library:
		return nil
	case loaded != "":
		return rag.Errorf(rag.KindConflict, "embedder: ONNX Runtime was loaded from %s already; a process has one", loaded)
	}
	if _, err := os.Stat(library); err != nil {
		return rag.Wrap(rag.KindInvalid, err, "embedder: ONNX Runtime's library")
	}
	ort.SetSharedLibraryPath(library)
	if err := ort.InitializeEnvironment(ort.WithLogLevelError()); err != nil {
		return rag.Wrap(rag.KindInvalid, err, "embedder: load ONNX Runtime from "+library)
	}
	loaded = library
	return nil
}

// graph is an opened model.
type graph struct {
	session *ort.DynamicAdvancedSession
	inputs  []string
	pooled  bool // the output is a vector a text, not one a token
	width   int  // of a vector, 0 if only a run can tell
}

// openGraph opens the model and chooses its output: a vector a text where there
// is one, otherwise one a token.
func openGraph(file string, cfg Config) (*graph, error) {
	fail := func(err error, what string) (*graph, error) {
		return nil, rag.Wrap(rag.KindInvalid, err, "embedder: "+what+" "+file)
	}
	ins, outs, err := ort.GetInputOutputInfo(file)
	if err != nil {
		return fail(err, "read")
	}
	g := &graph{}
	for _, in := range ins {
		switch in.Name {
		case "input_ids", "attention_mask", "token_type_ids", "position_ids":
			if in.DataType != ort.TensorElementDataTypeInt64 {
				return fail(fmt.Errorf("input %s is %s; 64-bit integers are supported", in.Name, in.DataType), "use")
			}
			g.inputs = append(g.inputs, in.Name)
		default:
			return fail(fmt.Errorf("input %q is not known; input_ids, attention_mask, token_type_ids and position_ids are", in.Name), "use")
		}
	}
	output := ""
	for _, out := range outs {
		dims := out.Dimensions
		if out.DataType != ort.TensorElementDataTypeFloat || len(dims) != 2 && len(dims) != 3 {
			continue
		}
		if pooled := len(dims) == 2; output == "" || pooled && out.Name == "sentence_embedding" {
			output, g.pooled, g.width = out.Name, pooled, max(0, int(dims[len(dims)-1]))
		}
	}
	if output == "" {
		return fail(fmt.Errorf("no output is a vector a text or a token in 32-bit floats"), "use")
	}
	options, err := sessionOptions(cfg)
	if err != nil {
		return nil, err
	}
	defer options.Destroy()
	if g.session, err = ort.NewDynamicAdvancedSession(file, g.inputs, []string{output}, options); err != nil {
		return fail(err, "open")
	}
	return g, nil
}

func sessionOptions(cfg Config) (*ort.SessionOptions, error) {
	options, err := ort.NewSessionOptions()
	if err != nil {
		return nil, rag.Wrap(rag.KindInternal, err, "embedder: ONNX Runtime")
	}
	if cfg.Threads > 0 {
		err = options.SetIntraOpNumThreads(cfg.Threads)
	}
	device, gpu, deviceErr := cfg.gpu()
	if err == nil {
		err = deviceErr
	}
	if err == nil && gpu {
		err = useGPU(options, device)
	}
	if err != nil {
		_ = options.Destroy()
		return nil, err
	}
	return options, nil
}

func useGPU(options *ort.SessionOptions, device int) error {
	cuda, err := ort.NewCUDAProviderOptions()
	if err != nil {
		return rag.Wrap(rag.KindInvalid, err, "embedder: this ONNX Runtime has no CUDA")
	}
	defer cuda.Destroy()
	if err := cuda.Update(map[string]string{"device_id": fmt.Sprint(device)}); err != nil {
		return rag.Wrap(rag.KindInvalid, err, "embedder: choose the GPU")
	}
	return rag.Wrap(rag.KindInvalid, options.AppendExecutionProviderCUDA(cuda), "embedder: use the GPU")
}
