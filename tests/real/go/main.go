// Markdown to HTML by goldmark, as functions over the module's own memory: reserve gives where the input goes,
// markdown returns the length of its output, which lies at output.
package main

import (
	"bytes"
	"unsafe"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/renderer/html"
)

var in, out []byte

//go:wasmexport reserve
func reserve(size uint32) unsafe.Pointer {
	in = make([]byte, size)
	return unsafe.Pointer(unsafe.SliceData(in))
}

//go:wasmexport output
func output() unsafe.Pointer {
	return unsafe.Pointer(unsafe.SliceData(out))
}

//go:wasmexport markdown
func markdown() uint32 {
	var buffer bytes.Buffer
	unsafeHTML := goldmark.WithRendererOptions(html.WithUnsafe(), html.WithXHTML())
	if err := goldmark.New(unsafeHTML).Convert(in, &buffer); err != nil {
		panic(err)
	}
	out = buffer.Bytes()
	return uint32(len(out))
}

func main() {}
