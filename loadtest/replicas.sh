#!/usr/bin/env bash
# Instances of the service on this machine, using the cluster of cluster.sh.
#
#   loadtest/replicas.sh up [COUNT]  build the service and start COUNT (2) instances, or
#                                    those that do not run, from the same build
#   loadtest/replicas.sh down        stop them
#   loadtest/replicas.sh status      show them
#   loadtest/replicas.sh urls        print their URLs, comma-separated, for -target
#
# REPLICAS_DIR   folder for binary, logs and pids   ${TMPDIR:-/tmp}/boxoffice-replicas-<uid>
# REPLICAS_PORT  port of the first instance         3001
# REDIS_ADDRS    addresses of Redis                 those of cluster.sh
#
# Other settings of the service are passed on from the environment. The script signals only
# processes that it started.

# shellcheck disable=SC2015 # "a && b || die" is intended
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
dir=${REPLICAS_DIR:-${TMPDIR:-/tmp}/boxoffice-replicas-$UID}
first=${REPLICAS_PORT:-3001}

die() { echo "replicas.sh: $*" >&2; exit 1; }

# pid_of PORT prints the pid of the instance, if it runs.
pid_of() {
  local pid
  pid=$(cat "$dir/$1.pid" 2>/dev/null) || return 1
  ps -p "$pid" -o args= 2>/dev/null | grep -qF "$dir/boxoffice" || return 1
  echo "$pid"
}

ports() { (cd "$dir" 2>/dev/null && ls -- *.pid 2>/dev/null) | sed 's/\.pid$//' | sort -n; }

# open PORT checks whether anything listens there.
open() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# ready PORT checks whether the instance says that it can serve: Redis may not take bookings
# yet although the instance listens.
ready() {
  local line=
  {
    printf 'GET /readyz HTTP/1.0\r\n\r\n' >&3
    read -r -t 5 line <&3
  } 2>/dev/null 3<>"/dev/tcp/127.0.0.1/$1" || return 1
  [[ $line == "HTTP/1."?" 200"* ]]
}

up() {
  local count=${1:-2} port wanted deadline start=
  wanted=$(seq "$first" $((first + count - 1)))
  export REDIS_ADDRS=${REDIS_ADDRS:-$("$here/cluster.sh" addrs)}
  export HOST=127.0.0.1 ACCESS_LOG=${ACCESS_LOG:-false} LOG_LEVEL=${LOG_LEVEL:-warning}
  for port in $wanted; do
    pid_of "$port" >/dev/null && continue
    if open "$port"; then die "port $port is taken by a process that this script did not start"; fi
    start="$start $port"
  done
  mkdir -p "$dir"
  for port in $(ports); do
    pid_of "$port" >/dev/null || rm -f "$dir/$port.pid" # otherwise urls would list an instance that died
  done
  # Not while instances run: all instances of a run must be from one build.
  [ -n "$(ports)" ] || (cd "$here/.." && go build -o "$dir/boxoffice" ./cmd/boxoffice)
  for port in $start; do
    # In its own folder, so that no developer's .env file is read.
    (cd "$dir" && PORT=$port exec nohup "$dir/boxoffice" >"$dir/$port.log" 2>&1 </dev/null) &
    echo $! >"$dir/$port.pid"
  done
  for port in $wanted; do
    deadline=$((SECONDS + 40))
    until ready "$port"; do
      pid_of "$port" >/dev/null && [ "$SECONDS" -lt "$deadline" ] || die "port $port did not start: $(tail -n 3 "$dir/$port.log")"
      sleep 0.1
    done
  done
  echo "-target $(urls)"
}

down() {
  local port pid
  for port in $(ports); do
    if pid=$(pid_of "$port"); then
      kill -TERM "$pid"
      while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
    fi
    rm -f "$dir/$port.pid" "$dir/$port.log"
  done
  rm -f "$dir/boxoffice"
  rmdir "$dir" 2>/dev/null || true
}

status() {
  local port pid
  for port in $(ports); do
    if pid=$(pid_of "$port"); then echo "http://127.0.0.1:$port pid $pid"; else echo "http://127.0.0.1:$port down"; fi
  done
}

urls() {
  local port
  for port in $(ports); do echo "http://127.0.0.1:$port"; done | paste -sd, -
}

case ${1:-} in
  up | down | status | urls) "$@" ;;
  *) sed -n '2,/^$/s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
