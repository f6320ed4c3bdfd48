package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"boxoffice/store"
	"boxoffice/store/redistest"
)

const operations = "../../docs/operations"

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(operations, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// dashboardQueries are the expressions of every panel.
func dashboardQueries(t *testing.T) []string {
	t.Helper()
	var dashboard struct {
		Panels []struct {
			Targets []struct {
				Expr string `json:"expr"`
			} `json:"targets"`
		} `json:"panels"`
	}
	if err := json.Unmarshal([]byte(read(t, "dashboard.json")), &dashboard); err != nil {
		t.Fatal(err)
	}
	var queries []string
	for _, panel := range dashboard.Panels {
		for _, target := range panel.Targets {
			queries = append(queries, target.Expr)
		}
	}
	return queries
}

var (
	alertName = regexp.MustCompile(`(?m)^      - alert: (\w+)$`)
	alertExpr = regexp.MustCompile(`(?m)^        expr: (?:>-\n((?:          .*\n)+)|(.*)\n)`)
)

// alertQueries are the names and expressions of the rules.
func alertQueries(t *testing.T) (names, queries []string) {
	t.Helper()
	text := read(t, "alerts.yaml")
	for _, found := range alertName.FindAllStringSubmatch(text, -1) {
		names = append(names, found[1])
	}
	for _, found := range alertExpr.FindAllStringSubmatch(text, -1) {
		queries = append(queries, found[1]+found[2])
	}
	if all := strings.Count(text, "alert:"); len(names) != all || len(queries) != all {
		t.Fatalf("%d alerts have %d names and %d expressions", all, len(names), len(queries))
	}
	return names, queries
}

var (
	selector   = regexp.MustCompile(`([a-z_:]\w*)\{([^}]*)\}`)
	matcher    = regexp.MustCompile(`(\w+)\s*(?:=~|!~|!=|=)`)
	notMetrics = regexp.MustCompile(`"[^"]*"|\{[^}]*\}|\[[^\]]*\]|\w+\s+by\s*\([^)]*\)|\w+\s*\(`)
	grouping   = regexp.MustCompile(`\bby\s*\(([^)]*)\)`)
	identifier = regexp.MustCompile(`[a-zA-Z_:][\w:]*`)
)

// metricsOf returns the metrics of a query, with the labels that it asks each for. What a
// query groups by, each of its metrics must have.
func metricsOf(query string) map[string][]string {
	metrics := map[string][]string{}
	var groups []string
	for _, found := range grouping.FindAllStringSubmatch(query, -1) {
		groups = append(groups, identifier.FindAllString(found[1], -1)...)
	}
	for _, found := range selector.FindAllStringSubmatch(query, -1) {
		for _, label := range matcher.FindAllStringSubmatch(found[2], -1) {
			metrics[found[1]] = append(metrics[found[1]], label[1])
		}
	}
	for _, name := range identifier.FindAllString(notMetrics.ReplaceAllString(query, " "), -1) {
		if name == "or" {
			continue
		}
		metrics[name] = append(metrics[name], groups...)
	}
	return metrics
}

// Whatever the dashboard and the alerts ask for is in a scrape of a live service, with
// the labels that they ask for.
func TestOperationsAskForWhatThereIs(t *testing.T) {
	redistest.Require(t)
	server, err := redistest.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Stop()
	host, port, err := net.SplitHostPort(server.Addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("REDIS_HOST", host)
	t.Setenv("REDIS_PORT", port)
	t.Setenv("REQUEST_TIMEOUT", "300ms")
	p := start(t)
	p.post("/initialize", `{"name":"x","totalTickets":1}`)
	p.post("/book", `{"eventId":1,"userId":7}`)
	server.Stop() // so that there are errors too
	p.post("/book", `{"eventId":1,"userId":7}`)

	there := map[string]map[string]bool{
		"up":                     {"job": true, "instance": true}, // Prometheus's own
		"kube_job_status_failed": {"job_name": true},              // of kube-state-metrics
	}
	textfile := filepath.Join(t.TempDir(), "verify.prom")
	if err := new(findings).writeTextfile(textfile); err != nil {
		t.Fatal(err)
	}
	verified, err := os.ReadFile(textfile)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(scraped(t, p.url+"/metrics") + string(verified)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		name := identifier.FindString(line)
		if there[name] == nil {
			there[name] = map[string]bool{"job": true, "instance": true} // given by Prometheus
		}
		if found := selector.FindStringSubmatch(line); found != nil {
			for _, label := range matcher.FindAllStringSubmatch(found[2], -1) {
				there[name][label[1]] = true
			}
		}
	}
	_, queries := alertQueries(t)
	for _, query := range append(queries, dashboardQueries(t)...) {
		metrics := metricsOf(query)
		if len(metrics) == 0 {
			t.Errorf("no metric in the query %s", query)
		}
		for name, labels := range metrics {
			if there[name] == nil {
				t.Errorf("%s, queried for by %s, is not in a scrape", name, query)
				continue
			}
			for _, label := range labels {
				if !there[name][label] {
					t.Errorf("%s, queried for by %s, has no label %s", name, query, label)
				}
			}
		}
	}
	// And all that the page about metrics lists is there, and the other way round.
	page := read(t, "metrics.md")
	listed := regexp.MustCompile("`(boxoffice_\\w+)`").FindAllStringSubmatch(page, -1)
	for _, found := range listed {
		if there[found[1]] == nil && there[found[1]+"_count"] == nil {
			t.Errorf("metrics.md lists %s, which is not in a scrape", found[1])
		}
	}
	for name := range there {
		base := regexp.MustCompile(`_(bucket|sum|count)$`).ReplaceAllString(name, "")
		if strings.HasPrefix(name, "boxoffice_") && !strings.Contains(page, "`"+base+"`") {
			t.Errorf("metrics.md does not list %s", base)
		}
	}
}

func scraped(t *testing.T, url string) string {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d %v", url, response.StatusCode, err)
	}
	return string(body)
}

// Each alert has an entry in the runbook that it points to, and cases, one of them
// quiet; and no entry is about an alert that is gone.
func TestRunbookHasEveryAlert(t *testing.T) {
	names, _ := alertQueries(t)
	rules, cases := read(t, "alerts.yaml"), read(t, "alerts_test.yaml")
	var entries []string
	for _, found := range regexp.MustCompile(`(?m)^## (\w+)\n\n\S`).FindAllStringSubmatch(read(t, "runbook.md"), -1) {
		entries = append(entries, found[1])
	}
	if !slices.Equal(names, entries) {
		t.Errorf("the alerts are\n%v\nthe runbook's entries, with a text,\n%v", names, entries)
	}
	for _, name := range names {
		if !strings.Contains(rules, "runbook: runbook.md#"+strings.ToLower(name)+"\n") {
			t.Errorf("%s does not point to its entry", name)
		}
		_, after, _ := strings.Cut(cases, "alertname: "+name+"\n")
		quiet := regexp.MustCompile(`alertname: ` + name + `\n.*\n +exp_alerts: \[\]\n`)
		if !quiet.MatchString(cases) || !strings.Contains(after, "#"+strings.ToLower(name)) {
			t.Errorf("alerts_test.yaml lacks a case in which %s fires, or one in which it does not", name)
		}
	}
}

// Prometheus's own tool takes the rules, and runs their cases.
func TestPromtoolChecksTheAlerts(t *testing.T) {
	if _, err := exec.LookPath("promtool"); err != nil {
		t.Skipf("the alerts were NOT checked: %v; it comes with Debian's package prometheus", err)
	}
	for _, args := range [][]string{{"check", "rules", "alerts.yaml"}, {"test", "rules", "alerts_test.yaml"}} {
		command := exec.CommandContext(t.Context(), "promtool", args...)
		command.Dir = operations
		if output, err := command.CombinedOutput(); err != nil {
			t.Errorf("promtool %v: %v\n%s", args, err, output)
		}
	}
}

// METRICS chooses where they are.
func TestMetricsSetting(t *testing.T) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	_ = free.Close()
	t.Setenv("METRICS", address)
	p := start(t)
	p.post("/initialize", `{"name":"x","totalTickets":1}`)
	if status, _ := p.get("/metrics"); status != http.StatusNotFound {
		t.Errorf("beside the API: %d", status)
	}
	const want = `boxoffice_http_requests_total{code="201",method="POST",route="/initialize"} 1`
	if !strings.Contains(scraped(t, "http://"+address+"/metrics"), want) {
		t.Errorf("no %s on the listener for metrics", want)
	}
	p.end()
	if _, err := net.Dial("tcp", address); err == nil {
		t.Error("the listener for metrics is there after the end")
	}

	t.Setenv("METRICS", "false")
	p = start(t)
	if status, _ := p.get("/metrics"); status != http.StatusNotFound {
		t.Errorf("switched off: %d", status)
	}
	p.end()

	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	t.Setenv("METRICS", taken.Addr().String())
	c, err := readConfig("no such file")
	if err != nil {
		t.Fatal(err)
	}
	if err := run(t.Context(), c, &output{}, nil); err == nil || !strings.Contains(err.Error(), "METRICS") {
		t.Errorf("on an address that is taken it ended with %v", err)
	}
}

// Each kind of condition has an alert, a row in the table of what the service checks, and nothing
// else is taken for one.
func TestEveryConditionHasAnAlert(t *testing.T) {
	page, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	_, queries := alertQueries(t)
	known := map[string]bool{}
	for _, kind := range store.ConditionKinds() {
		known[string(kind)] = true
		if !slices.Contains(queries, fmt.Sprintf(`boxoffice_redis_condition{kind=%q} == 1`, kind)) {
			t.Errorf("no alert for %s", kind)
		}
		if !strings.Contains(string(page), "\n| `"+string(kind)+"` |") {
			t.Errorf("operations.md does not list %s", kind)
		}
	}
	for _, query := range queries {
		for _, found := range regexp.MustCompile(`redis_condition\{kind="(\w+)"`).FindAllStringSubmatch(query, -1) {
			if !known[found[1]] {
				t.Errorf("an alert for %s, which is no kind", found[1])
			}
		}
	}
}
