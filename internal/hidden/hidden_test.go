// The verdicts are about single characters in their place. They do not prove
// that a text of visible characters says what it seems to say.
package hidden_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/hidden"
)

// verdicts has what is found in each text; nothing for what must pass.
var verdicts = []struct{ title, text, found string }{
	// Languages.
	{"English", "Reviews a change.\n\tAnd says so.\r\n", ""},
	{"German", "Prüft Änderungen – gründlich, „genau“.", ""},
	{"French with a no-break space", "Attention\u00a0: c’est «\u202fbon\u202f».", ""},
	{"Vietnamese, decomposed", "Kie\u0302\u0309m tra", ""},
	{"Russian", "Проверяет изменения", ""},
	{"Greek", "Ελέγχει αλλαγές", ""},
	{"Chinese", "审查更改。　缩进", ""},
	{"Japanese", "変更をレビューする", ""},
	{"Han with a variation selector", "葛\U000e0100城", ""},
	{"Korean", "변경 사항을 검토합니다", ""},
	{"old Korean with a filler", "\u115f\u1161 \u1100\u1160\u11ab", ""},
	{"Thai", "ตรวจสอบการเปลี่ยนแปลง", ""},
	{"Thai words parted", "ตรวจสอบ\u200bการเปลี่ยน", ""},
	{"Khmer words parted", "ពិនិត្យ\u200bការផ្លាស់ប្ដូរ", ""},
	{"Hebrew", "בודק שינויים", ""},
	{"Arabic", "يراجع التغييرات ويقترح تحسينات", ""},
	{"Arabic with vowel marks", "يُرَاجِعُ التَّغْيِيرَاتِ", ""},
	{"Arabic abbreviation of Hijri", "سنة ١٤٤٦ ه\u200d", ""},
	{"Arabic number sign", "\u0600١٢٣ \u06dd١", ""},
	{"Persian", "می\u200cخواهم تغییرات را بررسی کنم", ""},
	{"Persian plural", "کتاب\u200cها و برنامه\u200cنویسان", ""},
	{"Urdu", "تبدیلیوں کا جائزہ لیتا ہے", ""},
	{"Hindi", "परिवर्तनों की समीक्षा करता है", ""},
	{"Hindi half letter", "क\u094d\u200dष", ""},
	{"Hindi explicit virama", "क\u094d\u200cष", ""},
	{"Bengali ya-phalaa", "র\u200d\u09cdযাব", ""},
	{"Malayalam chillu", "അവന\u0d4d\u200d", ""},
	{"Sinhala", "ශ\u0dca\u200dරී ලංකා", ""},
	{"Tamil", "மாற்றங்களை ஆய்வு செய்கிறது", ""},
	{"Mongolian with a selector", "ᠮᠣᠩᠭᠣᠯ\u180b", ""},
	// Emoji.
	{"emoji", "🚀 ✅ ❌ 🎯", ""},
	{"emoji style", "⚠️ ✔️ ❤️ ℹ️ ™️ ©️", ""},
	{"text style", "⚠︎ ☎︎", ""},
	{"keycaps", "1️⃣ #️⃣ *️⃣", ""},
	{"flags", "🇩🇪 🇯🇵", ""},
	{"flags of tags", "🏴󠁧󠁢󠁥󠁮󠁧󠁿 🏴󠁧󠁢󠁳󠁣󠁴󠁿 🏴󠁧󠁢󠁷󠁬󠁳󠁿", ""},
	{"rainbow flag", "🏳️\u200d🌈 🏴\u200d☠️", ""},
	{"family", "👨\u200d👩\u200d👧\u200d👦", ""},
	{"profession with a skin tone", "👩🏽\u200d💻 🧑🏿\u200d🚀", ""},
	{"gender sign", "🤷\u200d♀️ 🧔🏻\u200d♂️", ""},
	{"heart on fire", "❤️\u200d🔥 👁️\u200d🗨️", ""},
	// Drawings and mathematics.
	{"box and arrows", "├── a → b ↔️ │", ""},
	{"braille drawing", "⠿⠀⠿", ""},
	{"mathematics with a selector", "∩\ufe00", ""},
	{"replacement character", "\ufffd", ""},
	// Controls and terminal escapes.
	{"terminal colour", "a\x1b[31mred\x1b[0m", "U+001B U+001B"},
	{"terminal title", "\x1b]0;title\x07", "U+001B U+0007"},
	{"C1 control sequence", "\u009b31m", "U+009B"},
	{"next line", "a\u0085b", "U+0085"},
	{"backspace", "rm\b\bls", "U+0008 U+0008"},
	{"carriage return alone", "safe\revil", "U+000D"},
	{"NUL", "a\x00b", "U+0000"},
	{"delete", "a\x7fb", "U+007F"},
	{"form feed", "a\fb", "U+000C"},
	// Format characters.
	{"override", "\u202eevil\u202c", "U+202E U+202C"},
	{"isolates", "\u2066a\u2069", "U+2066 U+2069"},
	{"embedding", "\u202aa\u202b", "U+202A U+202B"},
	{"marks of direction", "a\u200eb\u200fc\u061c", "U+200E U+200F U+061C"},
	{"zero width space", "ig\u200bnore", "U+200B"},
	{"word joiner", "a\u2060b", "U+2060"},
	{"byte order mark inside", "a\ufeffb", "U+FEFF"},
	{"soft hyphen", "pass\u00adword", "U+00AD"},
	{"invisible operators", "\u2061\u2062\u2063\u2064", "U+2061 U+2062 U+2063 U+2064"},
	{"line and paragraph separators", "a\u2028b\u2029", "U+2028 U+2029"},
	{"interlinear annotation", "\ufff9a\ufffab\ufffb", "U+FFF9 U+FFFA U+FFFB"},
	{"Mongolian vowel separator in Latin", "a\u180eb", "U+180E"},
	{"musical control", "\U0001d173", "U+1D173"},
	// Tags and selectors that carry text.
	{"tag text", "a\U000e0069\U000e0067\U000e006e", "U+E0069 U+E0067 U+E006E"},
	{"tag text behind a flag", "🏴\U000e0068\U000e0069\U000e007f", "U+E0068 U+E0069 U+E007F"},
	{"tag text behind a real flag", "🏴󠁧󠁢󠁥󠁮󠁧󠁿\U000e0068", "U+E0068"},
	{"language tag", "\U000e0001", "U+E0001"},
	{"selectors behind an emoji", "😀\U000e0101\U000e0102", "U+E0101 U+E0102"},
	{"two selectors", "❤\ufe0f\ufe0f", "U+FE0F"},
	{"selector behind a letter", "a\ufe0f", "U+FE0F"},
	{"selector behind a digit without its keycap", "1\ufe0f", "U+FE0F"},
	// Joiners where nothing joins.
	{"joiner in Latin", "pass\u200dword", "U+200D"},
	{"non-joiner in Latin", "pass\u200cword", "U+200C"},
	{"joiner at the start", "\u200d", "U+200D"},
	{"two joiners in Persian", "می\u200c\u200cخواهم", "U+200C"},
	{"bits of joiners", "a\u200c\u200d\u200c", "U+200C U+200D U+200C"},
	{"joiner between an emoji and a letter", "👩\u200da", "U+200D"},
	{"zero width space in Arabic", "يراجع\u200bالتغييرات", "U+200B"},
	// Letters without a shape.
	{"Hangul filler", "a\u3164b\uffa0", "U+3164 U+FFA0"},
	{"grapheme joiner", "a\u034fb", "U+034F"},
	{"blank braille alone", "a\u2800b", "U+2800"},
	{"Khmer inherent vowel", "\u17b4", "U+17B4"},
	{"private planes", "\U000f0041\U00100041", "U+F0041 U+100041"},
	{"no character", "\ufffe\U0001ffff", "U+FFFE U+1FFFF"},
}

func TestFind(t *testing.T) {
	t.Parallel()
	require.GreaterOrEqual(t, len(verdicts), 60)
	for _, v := range verdicts {
		t.Run(v.title, func(t *testing.T) {
			t.Parallel()
			var found []string
			for _, f := range hidden.Find(v.text) {
				found = append(found, f.String())
				assert.True(t, strings.HasPrefix(v.text[f.Offset:], string(f.Rune)))
			}
			assert.Equal(t, v.found, strings.Join(found, " "))
			if shown := hidden.Show(v.text); v.found == "" {
				assert.Equal(t, v.text, shown)
			} else {
				for _, code := range found {
					assert.Contains(t, shown, code)
				}
				assert.Empty(t, hidden.Find(shown), "what is shown hides nothing")
			}
		})
	}
}

func TestWriter(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	n, err := hidden.Writer(&b).Write([]byte("a\x1b[2Jb"))
	require.NoError(t, err)
	assert.Equal(t, 6, n)
	assert.Equal(t, "aU+001B[2Jb", b.String())
}

func TestEscapeJSON(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"a\u202eb", "\U000e0069", "می\u200cخواهم", "\u009b\x7f"} {
		data, err := json.Marshal(text)
		require.NoError(t, err)
		escaped := hidden.EscapeJSON(data)
		assert.Empty(t, hidden.Find(string(escaped)))
		var got string
		require.NoError(t, json.Unmarshal(escaped, &got))
		assert.Equal(t, text, got)
	}
}

func FuzzFind(f *testing.F) {
	for _, v := range verdicts {
		f.Add(v.text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		shown := hidden.Show(text)
		assert.Equal(t, len(hidden.Find(text)) == 0, shown == text)
		assert.NotContains(t, shown, "\x1b")
	})
}
