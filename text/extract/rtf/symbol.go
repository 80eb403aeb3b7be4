package rtf

// symbolLow and symbolHigh are the signs of the Symbol font from 0x20 and from 0xA1
// (the encoding vector of Adobe's font, in Unicode's mapping).
var (
	symbolLow = []rune(" !∀#∃%&∋()∗+,−./0123456789:;<=>?" +
		"≅ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ[∴]⊥_" +
		"‾αβχδεφγηιϕκλμνοπθρστυϖωξψζ{|}∼")
	symbolHigh = []rune("ϒ′≤⁄∞ƒ♣♦♥♠↔←↑→↓°±″≥×∝∂•÷≠≡≈…⏐⎯↵" +
		"ℵℑℜ℘⊗⊕∅∩∪⊃⊇⊄⊂⊆∈∉∠∇®©™∏√⋅¬∧∨⇔⇐⇑⇒⇓" +
		"◊〈®©™∑⎛⎜⎝⎡⎢⎣⎧⎨⎩⎪€〉∫⌠⎮⌡⎞⎟⎠⎤⎥⎦⎫⎬⎭")
)

// symbol returns the sign that a byte is in the Symbol font, 0 for none.
func symbol(b byte) rune {
	switch {
	case b >= 0x20 && int(b-0x20) < len(symbolLow):
		return symbolLow[b-0x20]
	case b >= 0xa1 && int(b-0xa1) < len(symbolHigh):
		return symbolHigh[b-0xa1]
	}
	return 0
}
