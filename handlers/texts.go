package handlers

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// checkText checks a text that people chose: a user, a name. One rule holds for all of them: it is
// valid Unicode of at most so many characters, with something to be seen in it, no blanks at its
// ends, and nothing that hides, reverses or breaks what is shown around it.
func checkText(field, text string, most int) error {
	switch {
	case text == "":
		return badInput("%s must not be empty", field)
	case utf8.RuneCountInString(text) > most:
		return badInput("%s must have at most %d characters", field, most)
	case !utf8.ValidString(text), strings.ContainsRune(text, utf8.RuneError):
		// The JSON decoder puts U+FFFD in place of half a surrogate pair. If it were accepted, two
		// different texts could become the same.
		return badInput("%s must be valid Unicode", field)
	}
	if plainText(text) {
		return nil
	}
	visible := false
	before := ' '
	for i, char := range text {
		after := ' '
		if rest := text[i+utf8.RuneLen(char):]; rest != "" {
			after, _ = utf8.DecodeRuneInString(rest)
		}
		switch {
		case isJoiner(char):
			if !isWord(before) || !isVariant(char) && !isWord(after) {
				return badInput("%s must have the character %U only within a word", field, char)
			}
		case isRefused(char):
			return badInput("%s must not contain the character %U", field, char)
		case isVisible(char):
			visible = true
		}
		before = char
	}
	switch {
	case !visible:
		return badInput("%s must have a visible character", field)
	case strings.TrimFunc(text, unicode.IsSpace) != text:
		return badInput("%s must not begin or end with a blank", field)
	}
	return nil
}

// plainText is true of visible ASCII characters, which most texts consist of.
func plainText(text string) bool {
	for _, char := range []byte(text) {
		if char <= ' ' || char > '~' {
			return false
		}
	}
	return true
}

const (
	zeroWidthNonJoiner = '\u200c'
	zeroWidthJoiner    = '\u200d'
	brailleBlank       = '\u2800'
)

// isJoiner is true of characters that mean something only within a word or an emoji.
func isJoiner(char rune) bool {
	return char == zeroWidthNonJoiner || char == zeroWidthJoiner || isVariant(char)
}

// isVariant is true of the variation selectors of the Unicode Standard, section 23.4, which may
// also end a word.
func isVariant(char rune) bool { return unicode.Is(unicode.Variation_Selector, char) }

// isWord is true of what a joiner may stand next to.
func isWord(char rune) bool { return isVisible(char) || unicode.IsMark(char) || isVariant(char) }

// isVisible is true of a character that is seen by itself.
func isVisible(char rune) bool {
	return unicode.In(char, unicode.L, unicode.N, unicode.P, unicode.S, unicode.Co) && char != brailleBlank
}

// isRefused is true of control and format characters, which includes those that change the
// direction of writing, of separators of lines and paragraphs, of characters that are never
// shown, and of noncharacters.
func isRefused(char rune) bool {
	return unicode.In(char, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp,
		unicode.Other_Default_Ignorable_Code_Point, unicode.Noncharacter_Code_Point)
}
