package main

import (
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strings"

	"github.com/joho/godotenv"
)

var fileLine = regexp.MustCompile(`^(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=(.*)$`)

// readEnvFile reads lines of NAME=value. Readers of such files differ in what they do to quotes,
// $, \ and #; what does not come out as it stands is refused, by its name.
func readEnvFile(name string, p *problems) map[string]string {
	text, err := readRegular(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		p.list = append(p.list, fmt.Errorf("%s: %w", name, pathless(err)))
	}
	settings := map[string]string{}
	number := 0
	for line := range strings.Lines(strings.TrimPrefix(string(text), "\ufeff")) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		place := fmt.Sprintf("%s, line %d", name, number)
		parts := fileLine.FindStringSubmatch(line)
		if parts == nil {
			p.list = append(p.list, fmt.Errorf("%s: not of the form NAME=value", place))
			continue
		}
		setting := parts[1]
		_, twice := settings[setting]
		p.places[setting] = place
		p.requiref(!twice, setting, "it is set in the file before")
		value, err := readValue(parts[2], isSecret(setting))
		if err != nil {
			p.addf(setting, "%w", err)
		}
		settings[setting] = value
	}
	return settings
}

// readValue reads what follows the = of a line. Only what is no secret may have a comment behind
// it.
func readValue(text string, secret bool) (string, error) {
	isComment := strings.HasPrefix(strings.TrimLeft(text, " \t"), "#") && !strings.HasPrefix(text, "#")
	if isComment && !secret {
		return "", nil
	}
	read, err := godotenv.Unmarshal("x=" + text)
	value := read["x"]
	commentless, _, _ := strings.Cut(text, " #")
	if err != nil || isComment || value != unquoted(text) && (secret || value != unquoted(commentless)) {
		return "", errors.New("quotes, $, \\ or # in it would not be read as they stand; " +
			"put all of it into single quotes, or set it in the environment or by a _FILE setting")
	}
	return value, nil
}

// unquoted returns what stands between the quotes of a text, or the text if there are none.
func unquoted(text string) string {
	text = strings.TrimSpace(text)
	if last := len(text) - 1; last > 0 && (text[0] == '\'' || text[0] == '"') && text[last] == text[0] {
		return text[1:last]
	}
	return text
}

// pathless returns why a file cannot be read, without its name.
func pathless(err error) error {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return path.Err
	}
	return err
}
