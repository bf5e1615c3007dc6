package convert

import (
	"fmt"
	"strings"
)

// lookalikes are letters that are drawn as one of ASCII, each before the one
// that it is taken for: Cyrillic, Greek, Armenian and some of the Latin alphabet's
// own, from https://www.unicode.org/Public/security/latest/confusables.txt
const lookalikes = "аaеeоoрpсcуyхxіiјjѕsһhԁdԛqԝwгrпnтtкkмmвbзzАAВBЕEКKМMНHОOРPСCТTХXІIЈJЅSҮYԌGοoαaνvρpιiκkτtυuχxεeηnωwΑAΒBΕEΖZΗHΙIΚKΜMΝNΟOΡPΤTΥYΧXոnօoսuցgհhıiɡgɑaʏyⅼlⅰiｏo"

// NameProblem says why a name cannot be one of a bundle, with the code points
// of what is not ASCII.
func NameProblem(name string) string {
	problem := fmt.Sprintf("must match %s, got %q", safeNameRE, name)
	pairs := []rune(lookalikes)
	var odd []string
	for _, r := range name {
		if r <= 0x7f {
			continue
		}
		told := fmt.Sprintf("%q is U+%04X", string(r), r)
		if r >= 0xff01 && r <= 0xff5e { // full width
			told += fmt.Sprintf(", which looks like %q", string(r-0xff01+'!'))
		}
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == r {
				told += fmt.Sprintf(", which looks like %q", string(pairs[i+1]))
				break
			}
		}
		odd = append(odd, told)
	}
	if len(odd) == 0 {
		return problem
	}
	return problem + ": " + strings.Join(odd, "; ")
}
