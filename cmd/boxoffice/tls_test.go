package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"boxoffice/store/redistest"
)

// authority signs certificates, and keeps all files in one folder.
type authority struct {
	t    *testing.T
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T, name string) *authority {
	t.Helper()
	a := &authority{t: t, dir: t.TempDir()}
	a.sign(name, &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
	return a
}

func (a *authority) file(name string) string { return filepath.Join(a.dir, name) }

// sign makes NAME.crt and NAME.key; the first are the authority's own.
func (a *authority) sign(name string, template *x509.Certificate) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	template.Subject = pkix.Name{CommonName: name}
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	if a.cert == nil {
		a.cert, a.key = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	if template.IsCA {
		if a.cert, err = x509.ParseCertificate(der); err != nil {
			a.t.Fatal(err)
		}
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{
		name + ".crt": {Type: "CERTIFICATE", Bytes: der}, name + ".key": {Type: "PRIVATE KEY", Bytes: keyDER},
	} {
		if err := os.WriteFile(a.file(file), pem.EncodeToMemory(block), 0o600); err != nil {
			a.t.Fatal(err)
		}
	}
}

// startTLS starts a Redis as it is by default with TLS: it asks its clients for a certificate.
// Its own is for redis.example.
func startTLS(t *testing.T, a *authority) (port string) {
	t.Helper()
	redistest.Require(t)
	a.sign("server", &x509.Certificate{DNSNames: []string{"redis.example"}})
	a.sign("client", &x509.Certificate{})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, err = net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	_ = listener.Close()
	server, err := redistest.Start("--tls-port", port, "--tls-ca-cert-file", a.file("ca.crt"),
		"--tls-cert-file", a.file("server.crt"), "--tls-key-file", a.file("server.key"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	return port
}

// ends runs the program, and returns why it does not start. That comes at once, not after
// REDIS_START_TIMEOUT: the test would time out.
func ends(t *testing.T) string {
	t.Helper()
	t.Setenv("PORT", "0")
	t.Setenv("REDIS_START_TIMEOUT", "1h")
	c, err := readConfig("no such file")
	if err != nil {
		return err.Error()
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := run(ctx, c, t.Output(), nil); err != nil {
		return err.Error()
	}
	return "it waited until it was told to end"
}

func TestRedisWithClientCertificates(t *testing.T) {
	good, other := newAuthority(t, "ca"), newAuthority(t, "ca")
	port := startTLS(t, good)
	other.sign("client", &x509.Certificate{})
	all := map[string]string{
		"REDIS_HOST": "127.0.0.1", "REDIS_PORT": port, "REDIS_TLS": "true", "REDIS_TLS_CA": good.file("ca.crt"),
		"REDIS_TLS_CERT": good.file("client.crt"), "REDIS_TLS_KEY": good.file("client.key"), "REDIS_TLS_SERVER_NAME": "redis.example",
	}
	for name, test := range map[string]struct {
		change map[string]string
		want   string
	}{
		"another authority":         {map[string]string{"REDIS_TLS_CA": other.file("ca.crt")}, "certificate signed by unknown authority"},
		"another name":              {map[string]string{"REDIS_TLS_SERVER_NAME": ""}, "127.0.0.1"},
		"no certificate of its own": {map[string]string{"REDIS_TLS_CERT": "", "REDIS_TLS_KEY": ""}, "certificate"},
		"another's certificate": {
			map[string]string{"REDIS_TLS_CERT": other.file("client.crt"), "REDIS_TLS_KEY": other.file("client.key")}, "certificate",
		},
		"another's key": {
			map[string]string{"REDIS_TLS_KEY": other.file("client.key")}, "REDIS_TLS_CERT and REDIS_TLS_KEY: tls: private key",
		},
		"no file":                    {map[string]string{"REDIS_TLS_CERT": "/no/such/file"}, "REDIS_TLS_CERT and REDIS_TLS_KEY: no such file"},
		"no authority":               {map[string]string{"REDIS_TLS_CA": "/no/such/file"}, "REDIS_TLS_CA: no such file"},
		"no certificate in the file": {map[string]string{"REDIS_TLS_CA": good.file("ca.key")}, "REDIS_TLS_CA: there is no certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			for setting, value := range all {
				t.Setenv(setting, value)
			}
			for setting, value := range test.change {
				t.Setenv(setting, value)
			}
			if reason := ends(t); !strings.Contains(reason, test.want) || strings.Contains(reason, "deadline") {
				t.Errorf("%s\nwant %s", reason, test.want)
			}
		})
	}
	t.Run("all is well", func(t *testing.T) {
		for setting, value := range all {
			t.Setenv(setting, value)
		}
		p := start(t)
		if status, body := p.post("/initialize", `{"name":"x","totalTickets":1}`); status != http.StatusCreated {
			t.Errorf("%d %v", status, body)
		}
		p.end()
	})
	t.Run("by URL", func(t *testing.T) {
		t.Setenv("REDIS_URL", "rediss://127.0.0.1:"+port)
		for _, setting := range []string{"REDIS_TLS_CA", "REDIS_TLS_CERT", "REDIS_TLS_KEY", "REDIS_TLS_SERVER_NAME"} {
			t.Setenv(setting, all[setting])
		}
		p := start(t)
		p.end()
	})
}

// While it serves, a certificate that is refused is a condition with a name.
func TestCertificateRefusedLater(t *testing.T) {
	good := newAuthority(t, "ca")
	port := startTLS(t, good)
	t.Setenv("REDIS_URL", "rediss://127.0.0.1:"+port)
	t.Setenv("REDIS_CHECK_INTERVAL", "20ms")
	t.Setenv("REDIS_TLS_SERVER_NAME", "redis.example")
	for setting, file := range map[string]string{"REDIS_TLS_CA": "ca.crt", "REDIS_TLS_CERT": "client.crt", "REDIS_TLS_KEY": "client.key"} {
		t.Setenv(setting, good.file(file))
	}
	p := start(t)
	defer p.end()
	other := newAuthority(t, "ca")
	other.sign("server", &x509.Certificate{DNSNames: []string{"redis.example"}})
	pair, err := tls.LoadX509KeyPair(good.file("client.crt"), good.file("client.key"))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(good.cert)
	admin := redis.NewClient(&redis.Options{Addr: "127.0.0.1:" + port, TLSConfig: &tls.Config{
		MinVersion: tls.VersionTLS12, RootCAs: pool, ServerName: "redis.example", Certificates: []tls.Certificate{pair},
	}})
	defer func() { _ = admin.Close() }()
	if err := admin.Do(t.Context(), "CONFIG", "SET", "tls-cert-file", other.file("server.crt"),
		"tls-key-file", other.file("server.key")).Err(); err != nil {
		t.Fatal(err)
	}
	if err := admin.ClientKillByFilter(t.Context(), "SKIPME", "yes").Err(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, p.log, "login_refused")
	status, body := p.post("/initialize", `{"name":"x","totalTickets":1}`)
	if status != http.StatusServiceUnavailable || body["code"] != "refused" {
		t.Errorf("%d %v", status, body)
	}
}
