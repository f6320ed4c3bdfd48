// Command check holds exchanges of HTTP against a contract:
//
//	check openapi.yaml
//
// It serves net/rpc on its standard input and output until the input ends. The tests of
// package handlers start it and have it check each of their exchanges. It is a program, and
// not a package that they import, so that the service's own go.mod knows no OpenAPI library.
package main

import (
	"errors"
	"fmt"
	"io"
	"net/rpc"
	"os"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: check openapi.yaml")
		os.Exit(2)
	}
	if err := serve(os.Args[1], stdio{os.Stdin, os.Stdout}); err != nil {
		fmt.Fprintf(os.Stderr, "check: %s: %v\n", os.Args[1], err)
		os.Exit(1)
	}
}

// serve answers calls until the connection ends.
func serve(path string, connection io.ReadWriteCloser) error {
	text, err := os.ReadFile(path) //nolint:gosec // named by whoever runs it
	if err != nil {
		return err
	}
	c, err := load(text)
	if err != nil {
		return err
	}
	server := rpc.NewServer()
	if err := server.RegisterName("Contract", &service{c}); err != nil {
		return err
	}
	server.ServeConn(connection)
	return nil
}

// stdio is the connection to the process that started this one.
type stdio struct {
	io.Reader
	io.Writer
}

// Close is called at the end of the input, when there is nothing left to close.
func (stdio) Close() error { return nil }

// service is what can be called.
type service struct{ contract *contract }

// Nothing is the request of a call that has no more to say.
type Nothing struct{}

// Check returns why an exchange is not as the contract says, empty if it is.
func (s *service) Check(x Exchange, complaint *string) error {
	if err := s.contract.check(x); err != nil {
		*complaint = err.Error()
	}
	return nil
}

// Unseen returns the outcomes of the contract that no exchange has had so far.
func (s *service) Unseen(_ Nothing, outcomes *[]string) error {
	*outcomes = s.contract.unseen()
	return nil
}

// Operations returns each operation of the contract, as in "GET /status/{eventId}".
func (s *service) Operations(_ Nothing, operations *[]string) error {
	for path, item := range s.contract.Paths.Map() {
		for method := range item.Operations() {
			*operations = append(*operations, method+" "+path)
		}
	}
	return nil
}

// Codes returns the codes of all problems.
func (s *service) Codes(_ Nothing, codes *[]string) error {
	schema := s.contract.Components.Schemas["Code"]
	if schema == nil {
		return errors.New("there is no schema Code")
	}
	for _, code := range schema.Value.Enum {
		text, _ := code.(string)
		*codes = append(*codes, text)
	}
	return nil
}
