# The build stage needs Go, and CA certificates to hand on; git, for the version.
ARG GO_IMAGE=golang:1.26-bookworm

FROM ${GO_IMAGE} AS build
WORKDIR /src
# First only what names the modules: they are fetched again only when that changes.
COPY go.mod go.sum ./
RUN go mod download
COPY . .
# A worktree's or a submodule's .git is a file that leads out of here: no version then.
RUN vcs=auto; [ -d .git ] || vcs=false; \
    CGO_ENABLED=0 go build -buildvcs=$vcs -trimpath -ldflags=-s -o /boxoffice ./cmd/boxoffice

FROM scratch
# For REDIS_TLS=true towards a public authority.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /boxoffice /boxoffice
# A number, for there is no /etc/passwd, and Kubernetes' runAsNonRoot needs one.
USER 65532:65532
# The default is loopback, which nobody outside of a container reaches. Listening
# elsewhere needs API_KEYS, API_KEYS_FILE or AUTH=off, and the image brings none of them:
# started without, it says so and ends.
ENV HOST=0.0.0.0
EXPOSE 3000
# Is the process alive? Not whether Redis is: that would restart what need not be.
# Docker's own, which images in the OCI format do not carry; Kubernetes asks over HTTP.
HEALTHCHECK --interval=10s --timeout=3s --start-period=45s --retries=3 CMD ["/boxoffice", "health"]
ENTRYPOINT ["/boxoffice"]
