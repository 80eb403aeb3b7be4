package numfmt

// Codes of the formats that files name by number only (ECMA-376 part 1, 18.8.30).
// 5 to 8 and 41 to 44 show the currency of the reader's country, which the file does
// not say: they are written without a sign. 14, 22 and those of East Asia are dates
// in the order of the reader's country.
var codes = map[int]string{
	1: "0", 2: "0.00", 3: "#,##0", 4: "#,##0.00",
	5: "#,##0;-#,##0", 6: "#,##0;-#,##0", 7: "#,##0.00;-#,##0.00", 8: "#,##0.00;-#,##0.00",
	9: "0%", 10: "0.00%", 11: "0.00E+00", 12: "# ?/?", 13: "# ??/??",
	14: shortDate, 15: "d-mmm-yy", 16: "d-mmm", 17: "mmm-yy",
	18: "h:mm AM/PM", 19: "h:mm:ss AM/PM", 20: "h:mm", 21: "h:mm:ss", 22: shortDate + " h:mm",
	27: shortDate, 28: shortDate, 29: shortDate, 30: shortDate, 31: shortDate, 32: "h:mm", 33: "h:mm:ss", 34: shortDate, 35: shortDate, 36: shortDate,
	37: "#,##0;(#,##0)", 38: "#,##0;(#,##0)", 39: "#,##0.00;(#,##0.00)", 40: "#,##0.00;(#,##0.00)",
	41: `#,##0;(#,##0);"-";@`, 42: `#,##0;(#,##0);"-";@`, 43: `#,##0.00;(#,##0.00);"-";@`, 44: `#,##0.00;(#,##0.00);"-";@`,
	45: "mm:ss", 46: "[h]:mm:ss", 47: "mm:ss.0", 48: "##0.0E+0", 49: "@",
	50: shortDate, 51: shortDate, 52: shortDate, 53: shortDate, 54: shortDate, 55: shortDate, 56: shortDate, 57: shortDate, 58: shortDate,
}

const shortDate = "yyyy-mm-dd"

var builtin = func() map[int]*Format {
	m := make(map[int]*Format, len(codes))
	for id, code := range codes {
		m[id] = Parse(code)
	}
	return m
}()

// Builtin returns the format of a number (numFmtId), General for one that is not
// built in.
func Builtin(id int) *Format {
	if f, ok := builtin[id]; ok {
		return f
	}
	return General
}
