package config

import "time"

// Config is everything that can be set. The zero value is not useful: take it
// from Default or Load.
type Config struct {
	Data       string `name:"data" help:"Folder that holds everything that is stored. Empty is the user's data folder (Linux: ~/.local/share/smartretriever)."`
	Tenant     string `name:"tenant" default:"default" help:"Tenant whose documents the command works on."`
	Collection string `name:"collection" default:"default" help:"Collection that a command works on when none is named."`

	Log       Log            `name:"log"`
	Store     Store          `name:"store"`
	Blobs     Blobs          `name:"blobs"`
	Embedder  Embedder       `name:"embedder"`
	Chunker   Chunker        `name:"chunker"`
	Index     Index          `name:"index"`
	Enrich    Enrich         `name:"enrich"`
	Retrieval Retrieval      `name:"retrieval"`
	Rerank    Rerank         `name:"rerank"`
	Answer    Answer         `name:"answer"`
	LLM       LLM            `name:"llm"`
	Prices    Prices         `name:"prices"`
	Budgets   []Budget       `name:"budgets" help:"Most that tenants and API keys may spend on models, a list of entries described below."`
	Routing   Routing        `name:"routing"`
	Sources   SourceSettings `name:"sources"`
	Cache     Cache          `name:"cache"`
	Limits    Limits         `name:"limits"`
	Extract   Extract        `name:"extract"`
	Delete    Delete         `name:"delete"`
	Versions  Versions       `name:"versions"`
	Jobs      Jobs           `name:"jobs"`
	QueryLog  QueryLog       `name:"query_log"`
	Server    Server         `name:"server"`

	origins map[string]Origin // by name of the setting; absent is a default
	file    string            // the configuration file that was read, "" if none
}

// Log says what is logged and how. Logs go to standard error.
type Log struct {
	Level  string `name:"level" default:"info" enum:"debug,info,warn,error,off" help:"Lowest level that is logged. Commands other than serve log errors only, unless this is set."`
	Format string `name:"format" default:"auto" enum:"auto,text,json" help:"Form of a log line; auto is text on a terminal and json elsewhere."`
}

// Blobs chooses where original files are kept.
type Blobs struct {
	Name     string `name:"name" default:"folder" enum:"folder,s3" help:"Where original files are kept: a folder in the data folder, or a bucket of any server that speaks the protocol of Amazon S3 (docs/originals.md). Everything below but blobs.folder is for s3."`
	Folder   string `name:"folder" help:"The folder, where it is not blobs/ in the data folder: a volume that all processes which share a store have (folder)."`
	Endpoint string `name:"endpoint" help:"Address of the server, https://HOST or https://HOST:PORT. Empty is Amazon's."`
	Region   string `name:"region" default:"us-east-1" help:"Region of the bucket."`
	Bucket   string `name:"bucket" help:"Name of the bucket, which has to be there."`
	Prefix   string `name:"prefix" help:"What all keys begin with, such as smartretriever/. Nothing else may be kept under it."`
	Style    string `name:"style" default:"auto" enum:"auto,path,virtual" help:"How the bucket is addressed: path is https://HOST/BUCKET/KEY, virtual https://BUCKET.HOST/KEY; auto is virtual at Amazon, Google and Alibaba and path elsewhere."`

	Credentials      string `name:"credentials" enum:",keys,environment,file,iam,ambient,anonymous" help:"Where the credentials come from: keys are blobs.access_key and blobs.secret_key; environment AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; file that of the AWS command line; iam the role of the machine, task or pod; ambient the first of these three that has any; anonymous signs nothing. Empty is keys where there are some, else ambient."`
	AccessKey        Secret `name:"access_key" help:"Access key."`
	AccessKeyFile    string `name:"access_key_file" help:"File that holds the access key, instead of access_key."`
	SecretKey        Secret `name:"secret_key" help:"Secret key."`
	SecretKeyFile    string `name:"secret_key_file" help:"File that holds the secret key, instead of secret_key."`
	SessionToken     Secret `name:"session_token" help:"Token that goes with keys that are good for some time only."`
	SessionTokenFile string `name:"session_token_file" help:"File that holds the token, instead of session_token."`
	CredentialsFile  string `name:"credentials_file" help:"File of the AWS command line, where it is not in its usual place."`
	Profile          string `name:"profile" help:"Part of that file that is used; empty is the usual one."`

	Encryption        string `name:"encryption" default:"none" enum:"none,s3,kms,customer" help:"How the server encrypts files: none is as the bucket itself says; s3 with a key that the server keeps; kms with one of its key management; customer with blobs.encryption_key, which the server does not keep, and without which the files are lost."`
	KMSKey            string `name:"kms_key" help:"Id of the key of the key management; empty is the account's own (kms)."`
	EncryptionKey     Secret `name:"encryption_key" help:"Key of 32 bytes in base64 (customer)."`
	EncryptionKeyFile string `name:"encryption_key_file" help:"File that holds the key, instead of encryption_key."`

	CAFile   string `name:"ca_file" help:"File of certificates (PEM) of authorities that are trusted besides the system's."`
	CertFile string `name:"cert_file" help:"Client certificate (PEM). A new one is taken up without a restart."`
	KeyFile  string `name:"key_file" help:"Key of the client certificate (PEM)."`
	Proxy    string `name:"proxy" help:"HTTP proxy to reach the server through, http://HOST:PORT. Empty is none."`

	PartSize Size          `name:"part_size" default:"16MiB" min:"5MiB" max:"5GiB" help:"Files that are larger go up in parts of this size."`
	Parts    int           `name:"parts" default:"4" min:"1" max:"64" help:"Parts of a file that go up at the same time."`
	Timeout  time.Duration `name:"timeout" default:"1m" min:"100ms" max:"1h" help:"Longest silence of the server, within a request or before its answer."`
	Retries  int           `name:"retries" default:"3" min:"0" max:"10" help:"Further tries after a busy or failing server."`

	Presign    bool          `name:"presign" default:"false" help:"Whether a download of an original is led to an address at the bucket that is signed for it, instead of going through this server. Whoever has the address can download the file as long as it is good."`
	PresignFor time.Duration `name:"presign_for" default:"5m" min:"1s" max:"7d" help:"How long such an address is good."`
}

// Embedder chooses the embedding model.
type Embedder struct {
	Name           string        `name:"name" default:"builtin" enum:"builtin,local,onnx,openai,azure,ollama,gemini,cohere,voyage,jina,tei,triton" help:"Embedding model: builtin is bge-small-en-v1.5 inside the program; local is one that 'smartretriever models add' brought; onnx runs an .onnx file with ONNX Runtime, in programs built with the tag onnx; openai is any server with the OpenAI embeddings API; the others are providers and servers with an API of their own (docs/providers.md)."`
	Model          string        `name:"model" help:"Name of the model: a local one as 'smartretriever models ls' lists it, else as the API knows it; with azure the deployment, with onnx the path of the .onnx file or its folder."`
	Dimensions     int           `name:"dimensions" default:"0" min:"0" max:"8192" help:"Numbers kept of each vector, for models that were trained to be cut (Matryoshka); 0 is all. With an API how many its vectors have: 0 is what is known of the model, or else asks the server at every start, which then has to be up."`
	SendDimensions bool          `name:"send_dimensions" default:"false" help:"Whether the server is asked to cut vectors to embedder.dimensions (APIs but triton)."`
	Threads        int           `name:"threads" default:"0" min:"0" max:"1024" help:"Processor cores the model uses at once; 0 is all (builtin, local, onnx)."`
	BaseURL        string        `name:"base_url" help:"Address of the API; with openai up to and with /v1. Empty is the provider's own, and for ollama http://127.0.0.1:11434; azure, tei and triton need one, which for triton may begin with grpc:// or grpcs://."`
	APIKey         Secret        `name:"api_key" help:"Key of the API. Empty sends none."`
	APIKeyFile     string        `name:"api_key_file" help:"File that holds the key, instead of api_key."`
	Proxy          string        `name:"proxy" help:"HTTP proxy to reach the API through, http://HOST:PORT. Empty is none."`
	QueryPrefix    string        `name:"query_prefix" help:"Text that the model wants before a question, with the space behind it (openai, azure, ollama, tei, triton; the others tell questions and passages apart themselves)."`
	PassagePrefix  string        `name:"passage_prefix" help:"Text that the model wants before a passage. It counts as part of the model: changing it makes another model, for which there is reembed."`
	Batch          int           `name:"batch" default:"64" min:"1" max:"2048" help:"Most texts of one request to an API; where it is known to take fewer, that holds."`
	Concurrency    int           `name:"concurrency" default:"4" min:"1" max:"256" help:"Most requests to an API at the same time."`
	Timeout        time.Duration `name:"timeout" default:"1m" min:"10ms" max:"1h" help:"Longest that one request to an API may take."`
	QueryTimeout   time.Duration `name:"query_timeout" default:"10s" min:"10ms" max:"1h" help:"Longest that a question's vector may take, tries included; a hybrid search then goes on by keywords, so it is to be less than retrieval.timeout (APIs)."`
	Retries        int           `name:"retries" default:"2" min:"0" max:"10" help:"Further tries after a busy or failing server."`
	Patience       time.Duration `name:"patience" default:"2m" min:"0s" max:"24h" help:"How long adding documents waits for an API that stays down or busy, before it fails; then it goes on by itself. What was stored stays, and running it again goes on from there."`
	MaxTokens      int           `name:"max_tokens" default:"0" min:"0" max:"1000000" help:"Tokens that the model takes at once; chunks are held to it, and longer texts are embedded in parts. 0 is what is known of the model, or else 512 (APIs)."`

	RequestsPerMinute int    `name:"requests_per_minute" default:"0" min:"0" max:"10000000" help:"Most requests to an API in any minute; 0 keeps to what the server says or is found to take."`
	TokensPerMinute   int    `name:"tokens_per_minute" default:"0" min:"0" max:"1000000000" help:"Most tokens sent to an API in any minute; 0 keeps to what the server says or is found to take."`
	HedgeAfter        string `name:"hedge_after" default:"0s" help:"How long a question's vector is waited for before it is asked for a second time, the first answer counting: a duration, or p95 for longer than 95 of the last 100 took; 0s asks once. At most one question in twenty is asked for twice (openai)."`

	Azure  Azure  `name:"azure"`
	Triton Triton `name:"triton"`
	ONNX   ONNX   `name:"onnx"`
}

// Azure is what Azure OpenAI needs beside address, deployment and key.
type Azure struct {
	APIVersion       string `name:"api_version" default:"2024-10-21" help:"Version of the API that is asked for; unused where the address ends in /openai/v1."`
	Tenant           string `name:"tenant" help:"Directory of Microsoft Entra ID, by id or domain. With it a token is fetched instead of sending a key."`
	ClientID         string `name:"client_id" help:"Application that the token is for."`
	ClientSecret     Secret `name:"client_secret" help:"Secret of the application."`
	ClientSecretFile string `name:"client_secret_file" help:"File that holds the secret, instead of client_secret."`
	Token            Secret `name:"token" help:"Token of Entra ID that was made elsewhere and is sent instead of a key. It is not renewed."`
	TokenFile        string `name:"token_file" help:"File that holds the token, instead of token."`
	Authority        string `name:"authority" default:"https://login.microsoftonline.com" help:"Who issues tokens; national clouds have others."`
	Scope            string `name:"scope" default:"https://cognitiveservices.azure.com/.default" help:"What the token is for."`
}

// Triton names the tensors of a model on Triton.
type Triton struct {
	Input  string `name:"input" help:"Tensor that takes texts, of type BYTES. Empty asks the server for the only one."`
	Output string `name:"output" help:"Tensor that gives vectors, of type FP32. Empty asks the server for the only one."`
}

// ONNX is what ONNX Runtime needs beside the model.
type ONNX struct {
	Library string `name:"library" help:"Path of the runtime's shared library, libonnxruntime.so."`
	Device  string `name:"device" default:"cpu" help:"Where the model runs: cpu, cuda, or cuda:N for one of several GPUs."`
	Pooling string `name:"pooling" enum:",cls,mean" help:"How the tokens' vectors become one. Empty is what the model's files say."`
}

// Rerank chooses the reranker, which puts the best candidates of a search in order.
type Rerank struct {
	Name       string        `name:"name" default:"none" enum:"none,late,local,cohere,jina,voyage,tei,compatible" help:"Reranker: none; late is late interaction with the embedding model inside; local is a cross-encoder that 'smartretriever models add' brought; compatible is any server with a /rerank like Jina's (vLLM, llama.cpp, Infinity, Xinference); the others are providers (docs/providers.md)."`
	Model      string        `name:"model" help:"Name of the model: a local one as 'smartretriever models ls' lists it, else as the API knows it."`
	BaseURL    string        `name:"base_url" help:"Address of the API; with compatible up to and with /v1. Empty is the provider's own; tei and compatible need one."`
	APIKey     Secret        `name:"api_key" help:"Key of the API. Empty sends none."`
	APIKeyFile string        `name:"api_key_file" help:"File that holds the key, instead of api_key."`
	Proxy      string        `name:"proxy" help:"HTTP proxy to reach the API through, http://HOST:PORT. Empty is none."`
	Top        int           `name:"top" default:"30" min:"1" max:"1000" help:"Candidates that are reranked, the best of the search."`
	Weight     float64       `name:"weight" default:"0" min:"0" max:"1" help:"Weight of the reranker's score against that of the search; 0 is the reranker's own default."`
	Timeout    time.Duration `name:"timeout" default:"2s" min:"10ms" max:"5m" help:"Longest that reranking may take; what is not reranked by then keeps its order."`
	Batch      int           `name:"batch" default:"100" min:"1" max:"1000" help:"Most passages of one request to an API; where it is known to take fewer, that holds. Smaller batches leave more of a result when time ends."`
	Retries    int           `name:"retries" default:"1" min:"0" max:"10" help:"Further tries after a busy or failing server, while there is time."`
	Memory     Size          `name:"memory" default:"256MiB" min:"1MiB" max:"1TiB" help:"Memory for passages' vectors that are kept, so that the next question need not compute them (late): about 125 KiB for one of 320 tokens."`
	MaxTokens  int           `name:"max_tokens" default:"0" min:"0" max:"1000000" help:"Tokens that the model takes at once, question and passage together; longer passages are scored in parts. 0 is what is known of the model, or else 512 (APIs)."`
}

// Chunker chooses how text of new collections is cut.
type Chunker struct {
	Name    string `name:"name" default:"structure" enum:"structure,sentence,paragraph,semantic,recursive,fixed,code,legal,medical,table,conversation,auto" help:"How the text of new collections is cut into chunks: structure along headings, lists and tables; sentence and paragraph fill chunks with whole ones; semantic breaks where the subject turns and embeds every sentence for that; recursive and fixed as elsewhere; code, legal, medical, table and conversation for texts of that kind; auto takes one of these and structure for each document by its content (chunking.md)."`
	Unit    string `name:"unit" default:"tokens" enum:"tokens,characters" help:"What size and overlap count: tokens of the embedding model, or characters (fixed and recursive)."`
	Size    int    `name:"size" default:"0" min:"0" max:"100000" help:"Most tokens (characters) in a chunk; 0 is the chunker's own default, 320 (1000)."`
	Overlap int    `name:"overlap" default:"0" min:"-1" max:"50000" help:"Tokens (characters) shared with the chunk before, whole sentences where the chunker knows them; 0 is the chunker's own default, 64 (200) for fixed and recursive and none for others, -1 none."`
	Parent  int    `name:"parent" default:"0" min:"0" max:"100000" help:"Most tokens of the wider text, a section or packed neighbours, that is read with a chunk when an answer is written; chunks stay what is searched and cited. 0 is none."`

	Min        int     `name:"min" default:"0" min:"0" max:"50000" help:"Least tokens in a chunk; 0 is a quarter of the size (semantic)."`
	Break      string  `name:"break" enum:",percentile,gradient" help:"How a turn of the subject is told: the distance of neighbouring sentences is among the largest of the text (percentile), or grows as fast as it does anywhere (gradient). Empty is percentile (semantic)."`
	Percentile float64 `name:"percentile" default:"0" min:"0" max:"100" help:"Percentile of these distances in a text from which on one is a turn; 0 is 90 (semantic)."`
	Window     int     `name:"window" default:"0" min:"0" max:"20" help:"Sentences on each side that are compared; 0 is 3 (semantic)."`
}

// Index says how chunks are searched.
type Index struct {
	Vectors   string         `name:"vectors" default:"builtin" enum:"builtin,faiss,pgvector,qdrant,weaviate,milvus,chroma,pinecone,opensearch" help:"What searches vectors: builtin; faiss, the library FAISS, in programs built with the tag faiss (docs/search.md); or a vector database (docs/backends.md), opensearch being Elasticsearch as well. Words, filters and access lists are searched by the built-in index in any case. Another value builds the index again from what is stored; nothing is embedded for that."`
	Database  VectorDatabase `name:"database"`
	RebuildAt string         `name:"rebuild_at" default:"03:00" help:"Time of day, by the machine's clock, at which memory is rid of deleted vectors that FAISS still holds, or never. No search finds them before that either, and no file has them. Beyond a fifth of an index it happens at any time (faiss)."`

	Type     string  `name:"type" default:"auto" enum:"auto,flat,ivf,hnsw" help:"How vectors are searched: flat compares every one, ivf looks into the most promising lists of an inverted file, hnsw walks a graph; auto takes flat for up to 20,000 vectors of a segment, and for narrow filters, and ivf elsewhere. Another value holds for segments that are merged from then on; 'index rebuild' makes it hold at once."`
	M        int     `name:"hnsw_m" default:"16" min:"4" max:"128" help:"Neighbours that a vector of a graph chooses; more cost memory and building time, and make searches at high recall cheaper."`
	Ef       int     `name:"hnsw_ef_construction" default:"200" min:"1" max:"16384" help:"Nearest vectors among which a vector of a graph chooses its neighbours."`
	Storage  string  `name:"storage" default:"float32" enum:"float32,float16,int8" help:"Form in which the index keeps vectors, beside a byte a dimension for scanning: float32 takes four more bytes a dimension, float16 two, int8 none. The store keeps float32. Another value builds the index again."`
	Language string  `name:"language" default:"auto" help:"Language of words in keyword search, as a code like de: stop words and stems are its own; auto treats each word by the script it is written in. Another value builds the index again."`
	Title    int     `name:"title_weight" default:"2" min:"1" max:"8" help:"How often the words of a document's title count in keyword search, as if they stood in each of its passages so many times. Another value builds the index again."`
	Heading  int     `name:"heading_weight" default:"1" min:"1" max:"8" help:"The same of the headings above a passage."`
	K1       float64 `name:"k1" default:"1.2" min:"0.01" max:"100" help:"BM25: how soon more occurrences of a word count no more. Another value builds the index again."`
	B        float64 `name:"b" default:"0.75" min:"0" max:"1" help:"BM25: how much the length of a passage counts. Another value builds the index again."`

	ShardBy   string `name:"shard_by" help:"Metadata key, such as department: documents with the same value of it get segments of their own once they have 8,192 passages, which are searched in parallel and left alone by searches whose filter names another value. It changes no result. Empty is none."`
	Memory    Size   `name:"memory" default:"64MiB" min:"1MiB" max:"64GiB" help:"Size that recent changes of a collection may have in memory before they are written to a file in the background; writing waits at four times as much."`
	MergeSize Size   `name:"merge_size" default:"16GiB" min:"1MiB" max:"16TiB" help:"Most bytes of files that are merged into one in the background. Merging needs as much disk again, and memory that grows with it. 'index rebuild' goes beyond it."`
	MergeRate Size   `name:"merge_rate" default:"0B" min:"0B" max:"1TiB" help:"Most bytes a second that merging in the background writes, for each collection; 0B is no bound. What somebody waits for is not slowed down."`
}

// Enrich says what is found out about documents when they are added.
type Enrich struct {
	Stages           []string `name:"stages" help:"What is found out about documents and kept as metadata to filter by, a list of stages; docs/enrichment.md lists them with what they cost. Empty is nothing. Another list has documents read again when they are added the next time, and embeds nothing that has not changed."`
	Keyphrases       int      `name:"keyphrases" default:"10" min:"1" max:"50" help:"Phrases that the stage keyphrases keeps of a document."`
	KeyphraseMethod  string   `name:"keyphrase_method" default:"yake" enum:"yake,textrank" help:"How the stage keyphrases finds them."`
	Topics           []Topic  `name:"topics" help:"Subjects that the stage topics recognises by words, a list of entries described below."`
	Labels           []Label  `name:"labels" help:"Subjects that the stage labels recognises by meaning, a list of entries described below."`
	LabelThreshold   float64  `name:"label_threshold" default:"0" min:"0" max:"1" help:"How similar a document has to be to the description or an example of a label. It depends on the embedding model; 0 is what suits the built-in one, 0.58 for labels without examples and 0.64 for those with some."`
	LabelMost        int      `name:"label_most" default:"3" min:"1" max:"100" help:"Most labels of a document."`
	Summary          string   `name:"summary" default:"extractive" enum:"extractive,llm" help:"What the stage summary keeps: the sentences that say most, or what the language model writes."`
	SummarySentences int      `name:"summary_sentences" default:"3" min:"1" max:"10" help:"Sentences of an extractive summary."`
	MaxCalls         int      `name:"max_calls" default:"200" min:"1" max:"100000" help:"Most calls of the language model that a stage makes for one document (summary, context, questions)."`
	MaxTokens        int      `name:"max_tokens" default:"500000" min:"1000" max:"1000000000" help:"Most tokens, read and written, that a stage takes for one document (summary, context, questions)."`
	Shown            Size     `name:"shown" default:"12KiB" min:"1KiB" max:"1MiB" help:"Part of a document that the language model is shown with each passage (context) or to summarise."`
	Keep             bool     `name:"keep" default:"true" help:"Whether what the language model wrote is kept, so that the same passage of the same document is not paid for again. It can be read with the document's text only."`
}

// Topic is a subject told by words.
type Topic struct {
	Name  string   `name:"name" help:"Name of the topic, as it is kept."`
	Words []string `name:"words" help:"Words and phrases that tell of it; other forms of them count too."`
	Least int      `name:"least" min:"0" max:"1000000" help:"How often they have to occur, all together; 0 is 2."`
}

// Label is a subject told by meaning.
type Label struct {
	Name        string   `name:"name" help:"Name of the label, as it is kept."`
	Description string   `name:"description" help:"What documents with the label are about, in a sentence."`
	Examples    []string `name:"examples" help:"Texts that bear the label, a few sentences each."`
}

// Retrieval sets the defaults of a search.
type Retrieval struct {
	K       int           `name:"k" default:"10" min:"1" max:"1000" help:"Hits that a search returns."`
	Mode    string        `name:"mode" default:"hybrid" enum:"hybrid,vector,keyword" help:"Which searches are run."`
	Fusion  string        `name:"fusion" default:"zscore" enum:"zscore,rrf" help:"How the two lists of a hybrid search become one: by standardised scores or by reciprocal rank."`
	Alpha   float64       `name:"alpha" default:"0.5" min:"0.01" max:"1" help:"Weight of the vector side in a hybrid search."`
	RRFK    int           `name:"rrf_k" default:"60" min:"1" max:"10000" help:"Constant of reciprocal rank fusion."`
	Timeout time.Duration `name:"timeout" default:"30s" min:"10ms" max:"1h" help:"Longest that a search may take."`

	KeepDuplicates bool `name:"keep_duplicates" default:"false" help:"Whether passages of a result that say the same in the same words, or nearly, are listed one by one. Otherwise the best of them is listed and names the others."`
}

// Answer sets the defaults of a question.
type Answer struct {
	K             int           `name:"k" default:"8" min:"1" max:"100" help:"Chunks that an answer is made from."`
	ContextTokens int           `name:"context_tokens" default:"3000" min:"100" max:"1000000" help:"Most tokens that these chunks may have together when a language model writes the answer."`
	Timeout       time.Duration `name:"timeout" default:"2m" min:"10ms" max:"1h" help:"Longest that an answer may take."`
	MinEvidence   float64       `name:"min_evidence" default:"0.3" min:"0" max:"1" help:"Without a language model: how sure it must be that the passages hold the answer, below which the question is refused; 0 always quotes something."`
}

// LLM is the language model that writes answers. Without one, answers are the
// best sentences of the documents, quoted.
type LLM struct {
	ChatModel
	Fallbacks   []ChatModel `name:"fallbacks" help:"Further language models, a list of entries described below: the next one answers when those before it are down, busy or used up before their first word."`
	PriceInput  float64     `name:"price_input" default:"0" min:"0" max:"1000000" help:"Price of a million prompt tokens."`
	PriceOutput float64     `name:"price_output" default:"0" min:"0" max:"1000000" help:"Price of a million tokens written."`
	Currency    string      `name:"currency" default:"USD" help:"Currency of the prices."`
}

// ChatModel is a language model and how it is reached.
type ChatModel struct {
	Name              string        `name:"name" default:"none" enum:"none,openai,azure,anthropic,gemini,cohere,ollama" help:"Kind of language model: none quotes the best sentences; openai is any server with the OpenAI chat API; azure is Azure OpenAI; the others are the providers of that name, see providers.md."`
	BaseURL           string        `name:"base_url" help:"Address of the API. Empty is the provider's own; for ollama http://127.0.0.1:11434; azure needs one, https://NAME.openai.azure.com for dated versions of the API or https://NAME.openai.azure.com/openai/v1. For openai it goes up to and with /v1."`
	Model             string        `name:"model" help:"Name of the model, as the server knows it; with azure the name of the deployment."`
	APIKey            Secret        `name:"api_key" help:"Key of the API. Empty sends none."`
	APIKeyFile        string        `name:"api_key_file" help:"File that holds the key, instead of api_key."`
	Azure             Azure         `name:"azure"`
	KeepAlive         string        `name:"keep_alive" help:"How long the model stays loaded after a call: 5m, -1 for ever, 0 not at all; empty leaves it to the server (ollama)."`
	NumCtx            int           `name:"num_ctx" default:"0" min:"0" max:"10000000" help:"Tokens that question, sources and answer may have together; 0 leaves it to the server, whose 4096 are few (ollama)."`
	Proxy             string        `name:"proxy" help:"HTTP proxy to reach the API through, http://HOST:PORT. Empty is none."`
	Timeout           time.Duration `name:"timeout" default:"2m" min:"100ms" max:"1h" help:"Longest that one call may take, to its last token."`
	ConnectTimeout    time.Duration `name:"connect_timeout" default:"10s" min:"10ms" max:"5m" help:"Longest that connecting may take."`
	FirstTokenTimeout time.Duration `name:"first_token_timeout" default:"60s" min:"10ms" max:"1h" help:"Longest silence before the first token and between tokens."`
	Retries           int           `name:"retries" default:"2" min:"0" max:"10" help:"Further tries after a busy or failing server, before the first token only."`
	MaxTokens         int           `name:"max_tokens" default:"1024" min:"16" max:"1000000" help:"Most tokens that an answer may have."`
	ContextWindow     int           `name:"context_window" default:"0" min:"0" max:"100000000" help:"Tokens that the model takes at once, the answer among them; what does not fit beside the answer is left out of the prompt. 0 is what the vendor states for a model it hosts, else 8192."`
	Concurrency       int           `name:"concurrency" default:"16" min:"1" max:"256" help:"Most calls at once; others wait for their turn."`
	RequestsPerMinute int           `name:"requests_per_minute" default:"0" min:"0" max:"10000000" help:"Most calls in any minute; 0 keeps to what the server says or is found to take."`
	TokensPerMinute   int           `name:"tokens_per_minute" default:"0" min:"0" max:"1000000000" help:"Most tokens in any minute, of prompts and of the longest answers; 0 keeps to what the server says or is found to take."`
	Temperature       float64       `name:"temperature" default:"0" min:"0" max:"2" help:"Randomness of the model."`
}

// Label names the model in words: "azure/gpt-4o".
func (m ChatModel) Label() string { return m.Name + "/" + m.Model }

// Prices says what models cost. The built-in table is model/price/prices.yaml.
type Prices struct {
	File string `name:"file" help:"File with prices that are laid over the built-in ones; 'smartretriever prices ls' shows what is in force, and docs/costs.md its form."`
}

// Budget bounds what a tenant or an API key may spend on models.
type Budget struct {
	Name         string   `name:"name" help:"Name of the budget, for messages."`
	Tenant       string   `name:"tenant" help:"Tenant that it is for; * gives every tenant as much; empty is for all together."`
	Key          string   `name:"key" help:"Name of the API key that it is for; * gives every key as much; empty is for all together."`
	Operations   []string `name:"operations" help:"What counts, among embed_passages, embed_question, chat, rerank and enrich; empty is everything."`
	Per          string   `name:"per" enum:"day,month" help:"Whether it begins anew every day (UTC) or every calendar month; empty is every day."`
	Money        string   `name:"money" help:"Most money, such as 12.50. Models need prices then."`
	Currency     string   `name:"currency" help:"Currency of money; empty is USD."`
	Tokens       int      `name:"tokens" min:"0" max:"1000000000000000" help:"Most tokens, read and written together, of local models too; 0 is no bound."`
	WarnAt       float64  `name:"warn_at" min:"0" max:"1" help:"Share that is taken, from which answers carry a warning; 0 is 0.8."`
	CheaperAt    float64  `name:"cheaper_at" min:"0" max:"1" help:"Share that is taken, from which cheaper_model writes the answers; 0 is 0.9."`
	CheaperModel string   `name:"cheaper_model" help:"Language model of the same server that writes the answers when the budget nears its end; empty goes on with the same one."`
}

// Routing lets a cheaper language model answer what is simple.
type Routing struct {
	Model           string   `name:"model" help:"Cheaper language model that answers simple questions; empty has llm.model answer all."`
	BaseURL         string   `name:"base_url" help:"Address of its API, up to and with /v1; empty is llm.base_url with its key."`
	APIKey          Secret   `name:"api_key" help:"Key of the API at routing.base_url. Empty sends none."`
	APIKeyFile      string   `name:"api_key_file" help:"File that holds the key, instead of api_key."`
	Always          string   `name:"always" default:"auto" enum:"auto,cheap,good" help:"Whether the rules choose the model, or every question goes to the cheaper or to the better one."`
	MaxWords        int      `name:"max_words" default:"24" min:"1" max:"10000" help:"Words of a question, above which the better model answers."`
	MaxSubquestions int      `name:"max_subquestions" default:"1" min:"1" max:"100" help:"Questions within a question, above which the better model answers."`
	MaxHistory      int      `name:"max_history" default:"6" min:"0" max:"50" help:"Earlier turns, above which the better model answers."`
	MinConfidence   float64  `name:"min_confidence" default:"0.3" min:"0" max:"1" help:"How well the best passage must fit the question, below which the better model answers."`
	HardWords       []string `name:"hard_words" default:"why, compare, compared, contrast, difference, differences, versus, vs, explain, analyse, analyze, evaluate, derive, prove, trade-off, implications, warum, weshalb, vergleiche, unterschied, erkläre, begründe" help:"Words of a question that send it to the better model."`
}

// SourceSettings say how places that documents come from again and again are read.
type SourceSettings struct {
	SyncEvery time.Duration  `name:"sync_every" default:"0s" min:"0s" max:"8760h" help:"How often the server has its sources read again, each by a job and one at a time; 0s leaves that to 'smartretriever sync' (docs/sources.md). Sources that were read meanwhile by somebody else are left for as long."`
	Timeout   time.Duration  `name:"timeout" default:"12h" min:"1s" max:"8760h" help:"Longest that one reading of a source by a job may take; what was stored by then stays, and the next reading goes on."`
	Secrets   []SourceSecret `name:"secrets" help:"Tokens and passwords that the settings of sources name, a list of entries described below."`
	Allow     []string       `name:"allow" help:"What web, feed and rest sources may reach although it is not public: host names (wiki.corp, *.corp), addresses and networks (10.1.0.0/16)."`
	CAFile    string         `name:"ca_file" help:"File of certificates (PEM) of authorities that are trusted besides the system's when sources are read, such as a company's own."`
	APIKinds  []string       `name:"api_kinds" help:"Kinds of sources that administrators may add over HTTP, such as web. Empty is none: a source reads what this machine and its secrets can read, such as any folder. While any is named, the settings of sources may not allow more than sources.allow, nor name a proxy or a ca_file. Sources that are there can be listed, read and removed over HTTP in any case."`
}

// SourceSecret is a token or password under the name by which sources ask for it.
type SourceSecret struct {
	Name  string `name:"name" help:"Name by which the settings of a source ask for it."`
	Value Secret `name:"value" help:"The secret itself."`
	File  string `name:"file" help:"File that holds the secret, instead of value."`
}

// Limits bound what one document may take.
type Limits struct {
	FileSize       Size          `name:"file_size" default:"256MiB" min:"1KiB" max:"16GiB" help:"Largest file that is read."`
	ExtractTimeout time.Duration `name:"extract_timeout" default:"30s" min:"100ms" max:"1h" help:"Longest that reading the text of one file may take."`
	ExtractMemory  Size          `name:"extract_memory" default:"1GiB" min:"128MiB" max:"64GiB" help:"Most memory that reading the text of one file may take."`
	Workers        int           `name:"workers" default:"0" min:"0" max:"256" help:"Documents that are ingested at the same time; 0 is one for each processor core."`
}

// Extract says how text is taken from files.
type Extract struct {
	OCR          string        `name:"ocr" default:"auto" enum:"auto,off" help:"Whether pictures of text are read, image files and scanned pages of PDF files: auto reads them where the program tesseract is installed (docs/ocr.md)."`
	OCRLanguages []string      `name:"ocr_languages" help:"Languages of pictures by tesseract's names, the most likely first: eng, deu, chi_sim. Empty is eng and what is installed beside it, if that is at most three together; else eng alone."`
	OCRProgram   string        `name:"ocr_program" default:"tesseract" help:"The program tesseract: its path, or a name that is looked for in PATH."`
	OCRData      string        `name:"ocr_data" help:"Folder that holds tesseract's languages. Empty takes the variable TESSDATA_PREFIX, and without that where the program was installed."`
	OCRTimeout   time.Duration `name:"ocr_timeout" default:"1m" min:"100ms" max:"1h" help:"Longest that reading the picture of one page may take. It does not count to limits.extract_timeout."`
	OCRPages     int           `name:"ocr_pages" default:"300" min:"1" max:"5000" help:"Most pages of one file that are read as pictures."`
}

// Versions says what is kept of documents that change.
type Versions struct {
	Keep int `name:"keep" default:"5" min:"1" max:"1000" help:"How many versions of a document are kept, the current one among them: those before it can be listed, compared and restored, and no search finds them. 1 keeps none of what is replaced."`
}

// Delete says what becomes of deleted documents.
type Delete struct {
	Retention time.Duration `name:"retention" default:"0s" min:"0s" max:"87600h" help:"How long a deleted document can still be brought back before it is purged; 0s purges at once."`
}

// Jobs says how work goes on that outlives its request.
type Jobs struct {
	Parallel int           `name:"parallel" default:"2" min:"1" max:"64" help:"Jobs that a process works on at the same time. Each reads limits.workers documents at once; a second one keeps a short job from waiting for a long one."`
	Keep     time.Duration `name:"keep" default:"168h" min:"1m" max:"87600h" help:"How long a job that has ended is remembered, with the contents of what failed of it, so that it can be tried again."`
}

// QueryLog says whether questions and answers are recorded in the store.
type QueryLog struct {
	Enabled bool `name:"enabled" default:"true" help:"Whether questions and answers are recorded."`
}

// Server is what the HTTP server listens on and whom it lets in.
type Server struct {
	Addr          string        `name:"addr" default:"127.0.0.1:8000" help:"Address to listen on, HOST:PORT."`
	Keys          []Key         `name:"keys" help:"API keys that are let in, a list of entries described below. Without keys everyone who reaches the server may do everything, so it listens on loopback addresses only, unless server.open is set."`
	AllowedHosts  []string      `name:"allowed_hosts" help:"Host names that requests may be addressed to, besides the loopback names and the address listened on. Protects against DNS rebinding."`
	CORSOrigins   []string      `name:"cors_origins" help:"Origins (https://app.example.com) whose pages may call the API from a browser."`
	MaxForm       Size          `name:"max_form" default:"1GiB" min:"1MiB" max:"64GiB" help:"Largest form with uploaded files, all files together. One file is bounded by limits.file_size."`
	PublicMetrics bool          `name:"public_metrics" default:"false" help:"Whether GET /metrics is answered without a key."`
	Open          bool          `name:"open" default:"false" help:"Whether a server without keys may listen on an address that other machines reach."`
	ShutdownGrace time.Duration `name:"shutdown_grace" default:"20s" min:"0s" max:"10m" help:"How long running requests may finish when the server is told to stop."`
}

// Key lets a client of the HTTP server in.
type Key struct {
	Name       string   `name:"name" help:"Name of the key, for logs."`
	Key        Secret   `name:"key" help:"The key itself, at least 16 characters, sent as Authorization: Bearer KEY."`
	KeyFile    string   `name:"key_file" help:"File that holds the key, instead of key."`
	SHA256     string   `name:"sha256" help:"SHA-256 of the key in hexadecimal, instead of key: the file then holds no secret."`
	Tenant     string   `name:"tenant" help:"Tenant that the key belongs to; empty is the default tenant."`
	Principals []string `name:"principals" help:"Users and groups that the key acts for: it sees documents whose access list names one of them, and those without an access list."`
	Admin      bool     `name:"admin" help:"Whether the key manages everything of its tenant and may name other principals."`
}

// File returns the path of the configuration file that was read, "" if none.
func (c *Config) File() string { return c.file }
