package main

import (
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"go.yaml.in/yaml/v3"

	"boxoffice/handlers"
)

const kubernetesExample = "../../docs/operations/kubernetes.yaml"

// manifest is what the test reads of an object of Kubernetes.
type manifest struct {
	Kind string
	Spec struct {
		Replicas int
		Template struct {
			Metadata struct{ Labels map[string]string }
			Spec     podSpec
		}
		Selector yaml.Node
		Eviction string `yaml:"unhealthyPodEvictionPolicy"`
		Ports    []struct {
			TargetPort string `yaml:"targetPort"`
		}
	}
	StringData map[string]string `yaml:"stringData"`
}

type podSpec struct {
	Grace           int   `yaml:"terminationGracePeriodSeconds"`
	ServiceLinks    *bool `yaml:"enableServiceLinks"`
	SecurityContext struct {
		NonRoot bool `yaml:"runAsNonRoot"`
		User    int  `yaml:"runAsUser"`
	} `yaml:"securityContext"`
	Spread []struct {
		Unsatisfiable string `yaml:"whenUnsatisfiable"`
	} `yaml:"topologySpreadConstraints"`
	Containers []containerSpec
	Volumes    []struct {
		Name   string
		Secret struct {
			SecretName string `yaml:"secretName"`
			Items      []struct{ Key, Path string }
		}
	}
}

type containerSpec struct {
	Ports []struct {
		Name          string
		ContainerPort int `yaml:"containerPort"`
	}
	Env []struct {
		Name, Value string
		ValueFrom   struct {
			Secret struct{ Name, Key string } `yaml:"secretKeyRef"`
		} `yaml:"valueFrom"`
	}
	Mounts []struct {
		Name    string
		Path    string `yaml:"mountPath"`
		SubPath string `yaml:"subPath"`
	} `yaml:"volumeMounts"`
	Startup         probeSpec `yaml:"startupProbe"`
	Liveness        probeSpec `yaml:"livenessProbe"`
	Readiness       probeSpec `yaml:"readinessProbe"`
	SecurityContext struct {
		ReadOnly     bool  `yaml:"readOnlyRootFilesystem"`
		Escalation   *bool `yaml:"allowPrivilegeEscalation"`
		Capabilities struct{ Drop []string }
	} `yaml:"securityContext"`
}

type probeSpec struct {
	HTTPGet struct{ Path, Port string } `yaml:"httpGet"`
	Period  int                         `yaml:"periodSeconds"`
	Timeout int                         `yaml:"timeoutSeconds"`
	Tries   int                         `yaml:"failureThreshold"`
}

func readManifests(t *testing.T) map[string]manifest {
	t.Helper()
	file, err := os.Open(kubernetesExample)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	found := map[string]manifest{}
	for decoder := yaml.NewDecoder(file); ; {
		var one manifest
		switch err := decoder.Decode(&one); {
		case errors.Is(err, io.EOF):
			return found
		case err != nil:
			t.Fatal(err)
		}
		found[one.Kind] = one
	}
}

// hashInExample stands for the hash of a key: a real one would be a key for all.
var hashInExample = regexp.MustCompile(`SHA256-OF-[A-Z-]+`)

// The deployment sets what the service knows, and the service takes it.
func TestKubernetesExampleIsConfigured(t *testing.T) {
	manifests := readManifests(t)
	container := manifests["Deployment"].Spec.Template.Spec.Containers[0]
	var known []string
	for field := range reflect.TypeFor[config]().Fields() {
		known = append(known, field.Tag.Get("envconfig"))
	}
	ofTheRuntime := []string{"GOMEMLIMIT"}
	filled := 0
	for _, env := range container.Env {
		if !slices.Contains(known, env.Name) && !slices.Contains(ofTheRuntime, env.Name) {
			t.Errorf("%s is no setting", env.Name)
		}
		value := env.Value
		if key := env.ValueFrom.Secret.Key; key != "" {
			if value = manifests["Secret"].StringData[key]; value == "" {
				t.Errorf("%s: the secret has no %s", env.Name, key)
			}
		}
		if env.ValueFrom.Secret.Key != "" && isPlaceholder(value) {
			t.Setenv(env.Name, value)
			if _, err := readConfig("no such file"); err == nil || !strings.Contains(err.Error(), env.Name) {
				t.Errorf("the service starts with the secret as it stands in the example: %v", err)
			}
			filled++
			value = "filled in, " + hashOf(value)
		}
		if env.Name == "API_KEYS_FILE" {
			value = keysOfExample(t, manifests, value)
		}
		t.Setenv(env.Name, value)
	}
	if filled != 2 {
		t.Errorf("%d secrets are placeholders, want two: anything else might be taken for one to use", filled)
	}
	t.Setenv("HOST", "0.0.0.0") // as the image has it
	c, err := readConfig("no such file")
	if err != nil {
		t.Fatal(err)
	}
	log := logrus.New()
	log.SetOutput(t.Output())
	keys, err := c.accessKeys(log)
	if err != nil {
		t.Errorf("the service would not start: %v", err)
	}
	var scopes handlers.Scope
	for _, key := range keys {
		scopes |= key.Scopes
	}
	if all := handlers.ScopeOrganizer | handlers.ScopeBooking | handlers.ScopeMetrics; scopes != all {
		t.Errorf("there are keys for %q, want %q", scopes, all)
	}
	if c.LogUserSalt == "" {
		t.Error("two instances would log the same user under two hashes")
	}
	if redis, err := c.redis(); err != nil || len(redis.Addrs) < 2 || redis.Password == "" {
		t.Errorf("%+v, %v", redis, err)
	}

	pod := manifests["Deployment"].Spec.Template.Spec
	if drain := c.DrainDelay + c.ShutdownTimeout; seconds(pod.Grace) <= drain {
		t.Errorf("the pod is killed after %d s, and may drain for %s", pod.Grace, drain)
	}
	if c.RedisStartTimeout != 0 {
		t.Errorf("the service gives up waiting for a Redis that loads after %s", c.RedisStartTimeout)
	}
	if seconds(container.Readiness.Timeout) <= c.ReadyTimeout {
		t.Errorf("the readiness probe waits for %d s, the service for %s", container.Readiness.Timeout, c.ReadyTimeout)
	}
	// A failed probe may come at once, and a result is used again while it is fresh.
	patience, failover := seconds(container.Readiness.Period*(container.Readiness.Tries-1)), longestFailover(t)
	if patience <= failover+freshness {
		t.Errorf("all instances are taken out of service after %s, and a failover may take %s", patience, failover)
	}
	if leaving := seconds(container.Readiness.Period * container.Readiness.Tries); c.DrainDelay < leaving {
		t.Errorf("an instance serves for %s while it drains, and is found unready after %s", c.DrainDelay, leaving)
	}
	if len(container.Ports) != 1 || container.Ports[0].ContainerPort != c.Port {
		t.Errorf("ports %v, the service listens on %d", container.Ports, c.Port)
	}
}

// keysOfExample writes the file that the pod finds at a path of a volume, with hashes filled
// in, and returns its name.
func keysOfExample(t *testing.T, manifests map[string]manifest, path string) string {
	t.Helper()
	pod := manifests["Deployment"].Spec.Template.Spec
	text := ""
	for _, mount := range pod.Containers[0].Mounts {
		for _, volume := range pod.Volumes {
			for _, item := range volume.Secret.Items {
				if volume.Name == mount.Name && mount.SubPath == "" && mount.Path+"/"+item.Path == path {
					text = manifests["Secret"].StringData[item.Key]
				}
			}
		}
	}
	text = hashInExample.ReplaceAllStringFunc(text, hashOf)
	file := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// longestFailover is the longest outage of a failover in docs/reliability.md.
func longestFailover(t *testing.T) (longest time.Duration) {
	t.Helper()
	page, err := os.ReadFile("../../docs/reliability.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile(`(?m)^\| [^|]*failover[^|]* \|.* \| ([0-9.]+) s \| [^|]* \|$`).FindAllStringSubmatch(string(page), -1)
	for _, row := range rows {
		outage, err := time.ParseDuration(row[1] + "s")
		if err != nil {
			t.Fatal(err)
		}
		longest = max(longest, outage)
	}
	if len(rows) < 6 {
		t.Errorf("only %d failovers in docs/reliability.md", len(rows))
	}
	return longest
}

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }

// The probes ask for what the service answers, at the port that is named.
func TestKubernetesExampleIsProbed(t *testing.T) {
	manifests := readManifests(t)
	container := manifests["Deployment"].Spec.Template.Spec.Containers[0]
	p := start(t)
	for kind, probe := range map[string]probeSpec{
		"/livez": container.Liveness, "/readyz": container.Readiness, "/livez at start": container.Startup,
	} {
		if want, _, _ := strings.Cut(kind, " "); probe.HTTPGet.Path != want {
			t.Errorf("%s: the probe asks for %q", kind, probe.HTTPGet.Path)
		}
		if status, body := p.get(probe.HTTPGet.Path); status != http.StatusOK {
			t.Errorf("%s: %d %v", kind, status, body)
		}
		if probe.HTTPGet.Port != container.Ports[0].Name {
			t.Errorf("%s: the probe asks at %q, the port is called %q", kind, probe.HTTPGet.Port, container.Ports[0].Name)
		}
	}
	for _, port := range manifests["Service"].Spec.Ports {
		if port.TargetPort != container.Ports[0].Name {
			t.Errorf("the Service leads to %q", port.TargetPort)
		}
	}
	p.end()
}

// Two instances, found by their label, as the image's user and with no rights to spare.
func TestKubernetesExampleIsConfined(t *testing.T) {
	manifests := readManifests(t)
	deployment := manifests["Deployment"].Spec
	pod, container := deployment.Template.Spec, deployment.Template.Spec.Containers[0]
	if deployment.Replicas < 2 {
		t.Errorf("%d replicas", deployment.Replicas)
	}
	const label = "app.kubernetes.io/name"
	for _, kind := range []string{"Deployment", "Service", "PodDisruptionBudget"} {
		spec := manifests[kind].Spec
		var selector struct {
			MatchLabels map[string]string `yaml:"matchLabels"`
		}
		labels := map[string]string{}
		var err error
		if kind == "Service" {
			err = spec.Selector.Decode(&labels)
		} else if err = spec.Selector.Decode(&selector); err == nil {
			labels = selector.MatchLabels
		}
		if err != nil || labels[label] == "" || labels[label] != deployment.Template.Metadata.Labels[label] {
			t.Errorf("%s selects %v, %v", kind, labels, err)
		}
	}
	dockerfile, err := os.ReadFile("../../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	if user := strconv.Itoa(pod.SecurityContext.User); !strings.Contains(string(dockerfile), "\nUSER "+user+":"+user+"\n") {
		t.Errorf("user %s is not the image's", user)
	}
	rights := container.SecurityContext
	if !pod.SecurityContext.NonRoot || !rights.ReadOnly || rights.Escalation == nil || *rights.Escalation ||
		!slices.Equal(rights.Capabilities.Drop, []string{"ALL"}) {
		t.Errorf("rights to spare: %+v, %+v", pod.SecurityContext, rights)
	}
	for _, spread := range pod.Spread {
		if spread.Unsatisfiable != "ScheduleAnyway" {
			t.Errorf("an instance that finds no place of its own is not started: %s", spread.Unsatisfiable)
		}
	}
	if policy := manifests["PodDisruptionBudget"].Spec.Eviction; policy != "AlwaysAllow" {
		t.Errorf("while Redis is away, no instance is ready and no node can be drained: %q", policy)
	}
	// What a Service called "redis" would set otherwise.
	if pod.ServiceLinks == nil || *pod.ServiceLinks {
		t.Error("service links are on")
	}
	t.Setenv("REDIS_PORT", "tcp://10.0.0.1:6379")
	if _, err := readConfig("no such file"); err == nil {
		t.Error("service links are harmless: then they need not be off")
	}
}
