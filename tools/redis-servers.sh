#!/usr/bin/env bash
# Fetches the servers that boxoffice is tested on, without installing anything, and prints
# the path of each redis-server, for REDIS_SERVER:
#
#   tools/redis-servers.sh                # all servers
#   tools/redis-servers.sh redis-8.0      # one server
#   valkey=$(tools/redis-servers.sh valkey-8.0) && REDIS_SERVER=$valkey make test
#
# The servers are Debian packages from the mirror that this machine's apt uses, verified by
# apt's signatures and unpacked into out/servers. Each runs with the loader and libraries of
# its own Debian release, so the machine's release does not matter. Next to each server are
# its redis-cli and redis-check-aof, under the same names for Valkey.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

servers=$PWD/out/servers
all=(redis-7.0 redis-8.0 valkey-8.0)

die() {
	echo "redis-servers: $*" >&2
	exit 1
}

# For each server: the Debian suites of its package and of its libraries, the package, the
# prefix of its programs, and the name of its OpenSSL package.
describe() {
	case $1 in
	redis-7.0) echo bookworm bookworm redis-tools redis libssl3 ;;
	redis-8.0) echo trixie trixie redis-tools redis libssl3t64 ;;
	valkey-8.0) echo bookworm-backports bookworm valkey-tools valkey libssl3 ;;
	*) die "unknown server $1; known servers: ${all[*]}" ;;
	esac
}

libraries=(libc6 libsystemd0 libjemalloc2 liblzf1 libatomic1 libstdc++6 libgcc-s1 zlib1g
	libzstd1 libcap2 liblz4-1 liblzma5 libgcrypt20 libgpg-error0)

# Prepares an apt index of these suites that is separate from the machine's.
prepare_apt() {
	command -v dpkg-deb >/dev/null || die "Debian's apt and dpkg-deb are required"
	local mirror
	mirror=$(apt-get indextargets --format '$(ORIGIN) $(CODENAME) $(REPO_URI)' |
		awk '$1 == "Debian" && $2 !~ /-/ { print $3; exit }')
	# Before the first apt-get update, apt does not know the origins.
	[[ -n $mirror ]] || mirror=$(apt-get indextargets --format '$(REPO_URI)' | awk '/\/debian\/?$/ { print; exit }')
	[[ -n $mirror ]] || die "apt has no mirror configured, see /etc/apt/sources.list"
	apt=$(mktemp -d)
	trap 'rm -rf "$apt"' EXIT
	mkdir -p "$apt"/lists/partial "$apt"/cache/archives/partial "$apt"/packages
	chmod -R a+rX "$apt"
	local suite
	for suite in bookworm bookworm-backports trixie; do
		echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main"
	done >"$apt"/sources.list
	get=(apt-get -qq -o "Dir::Etc::sourcelist=$apt/sources.list" -o Dir::Etc::sourceparts=-
		-o "Dir::State::lists=$apt/lists" -o "Dir::Cache=$apt/cache" -o APT::Sandbox::User=root
		-o Acquire::Retries=3 -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false)
	"${get[@]}" update >&2
}

fetch() {
	local name=$1 suite library_suite package program openssl root loader
	read -r suite library_suite package program openssl < <(describe "$name")
	[[ -n ${get:-} ]] || prepare_apt
	echo "fetching $name" >&2
	root=$apt/$name
	mkdir "$apt/packages/$name" "$root"
	(
		cd "$apt/packages/$name"
		"${get[@]}" download "$package/$suite" "$openssl/$library_suite" "${libraries[@]/%//$library_suite}" >&2
		for file in *.deb; do dpkg-deb -x "$file" "$root/files"; done
	)
	loader=$(find "$root/files" -type f -name 'ld-linux*.so.*' -print -quit) # not a link to the machine's own loader
	[[ -n $loader ]] || die "$name: libc6 has no loader"
	loader=${loader#"$root/"}
	# A wrapper finds its program relative to its own folder, and replaces itself with it.
	# The server and its checkers are one program, whose behaviour depends on its name.
	local tool binary
	for tool in server cli check-aof; do
		binary=$program-check-rdb
		[[ $tool != cli ]] || binary=$program-cli
		cat >"$root/redis-$tool" <<-WRAPPER
			#!/bin/bash
			shopt -s nullglob
			here=\$(dirname "\$(realpath "\${BASH_SOURCE[0]}")")
			for folder in "\$here"/files/{,usr/}lib/*-linux-gnu; do path=\${path:+\$path:}\$folder; done
			exec "\$here/$loader" --argv0 $program-$tool --library-path "\$path" "\$here/files/usr/bin/$binary" "\$@"
		WRAPPER
		chmod +x "$root/redis-$tool"
	done
	"$root/redis-server" --version >&2 || die "$name does not run"
	mkdir -p "$servers"
	rm -rf "${servers:?}/$name"
	mv "$root" "$servers/$name"
}

names=("$@")
((${#names[@]})) || names=("${all[@]}")
for name in "${names[@]}"; do
	describe "$name" >/dev/null
	[[ -x $servers/$name/redis-server ]] || fetch "$name"
	echo "$servers/$name/redis-server"
done
