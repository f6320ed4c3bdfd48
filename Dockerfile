# The build stage needs Go, CA certificates to copy, and git for the version.
ARG GO_IMAGE=golang:1.26-bookworm

FROM ${GO_IMAGE} AS build
WORKDIR /src
# Only the files that name the modules, so that modules are fetched again only when these change.
COPY go.mod go.sum ./
RUN go mod download
COPY . .
# In a worktree or a submodule, .git is a file that points outside of here; then there is no version.
RUN vcs=auto; [ -d .git ] || vcs=false; \
    CGO_ENABLED=0 go build -buildvcs=$vcs -trimpath -ldflags=-s -o /boxoffice ./cmd/boxoffice

FROM scratch
# For REDIS_TLS=true with a certificate of a public authority.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /boxoffice /boxoffice
# A number, since there is no /etc/passwd, and the runAsNonRoot of Kubernetes needs one.
USER 65532:65532
# The default is loopback, which cannot be reached from outside the container. Listening
# elsewhere needs API_KEYS, API_KEYS_FILE or AUTH=off. The image sets none of them: without
# one, the service says so and exits.
ENV HOST=0.0.0.0
EXPOSE 3000
# Checks that the process is alive, not that Redis is: restarting the service would not help.
# This is Docker's own mechanism, which OCI images do not carry; Kubernetes probes over HTTP.
HEALTHCHECK --interval=10s --timeout=3s --start-period=45s --retries=3 CMD ["/boxoffice", "health"]
ENTRYPOINT ["/boxoffice"]
