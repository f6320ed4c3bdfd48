#!/usr/bin/env bash
# A Redis Cluster on this machine: three masters and three replicas, AOF on.
#
#   loadtest/cluster.sh up            start it, or those of its nodes that do not run
#   loadtest/cluster.sh down          stop it and remove its data
#   loadtest/cluster.sh status        show the nodes
#   loadtest/cluster.sh addrs         print the addresses, comma-separated, for REDIS_ADDRS
#   loadtest/cluster.sh kill-master   kill -9 a master that has a replica
#   loadtest/cluster.sh pause-master  pause a master for PAUSE seconds (5)
#   loadtest/cluster.sh reshard       move SLOTS slots (500) from one master to another
#
# CLUSTER_DIR   folder for data, logs and pids   ${TMPDIR:-/tmp}/boxoffice-cluster-<uid>
# CLUSTER_PORT  first of six consecutive ports   7101 (the cluster bus is 10000 higher)
#
# The script signals only processes that it started, by their pid files, and only if the
# process is still the redis-server of that port.

# shellcheck disable=SC2015,SC2046,SC2086 # "a && b || die" and lists of ports are intended
set -euo pipefail

dir=${CLUSTER_DIR:-${TMPDIR:-/tmp}/boxoffice-cluster-$UID}
first=${CLUSTER_PORT:-7101}
[ -f "$dir/first-port" ] && first=$(cat "$dir/first-port")
ports=$(seq "$first" $((first + 5)))
node_timeout=2000 # ms without a sign of life after which a master counts as gone

# REDIS_SERVER may name a redis-server other than that in PATH; its redis-cli is next to it.
case ${REDIS_SERVER:-} in */*) PATH=$(dirname "$REDIS_SERVER"):$PATH ;; esac

die() { echo "cluster.sh: $*" >&2; exit 1; }
ask() { timeout 5 redis-cli -h 127.0.0.1 -p "$@" 2>/dev/null; }

# pid_of PORT prints the pid of the node, if it runs.
pid_of() {
  local pid
  pid=$(cat "$dir/$1/redis.pid" 2>/dev/null) || return 1
  # A process title is "redis-server 127.0.0.1:7101"; a server started by a loader keeps its arguments.
  ps -p "$pid" -o args= 2>/dev/null | grep -qE -- "(redis|valkey)-server.*(:|--port )$1 " || return 1
  echo "$pid"
}

role() { ask "$1" role | head -n 1; }

# wait_for SECONDS WHAT COMMAND... polls until the command succeeds.
wait_for() {
  local deadline=$((SECONDS + $1)) what=$2
  shift 2
  until "$@"; do
    [ "$SECONDS" -lt "$deadline" ] || die "timed out waiting for $what"
    sleep 0.1
  done
}

answers() { [ "$(ask "$1" ping)" = PONG ] || ask "$1" ping | grep -q LOADING; }

# healthy checks that all running nodes report all slots served, and replicas in sync.
healthy() {
  local port
  for port in $ports; do
    pid_of "$port" >/dev/null || continue
    ask "$port" cluster info | grep -q 'cluster_state:ok' || return 1
    [ "$(ask "$port" cluster nodes | grep -cE ' (myself,)?(master|slave) ')" = 6 ] || return 1
    if [ "$(role "$port")" = slave ]; then
      ask "$port" info replication | grep -q 'master_link_status:up' || return 1
    fi
  done
}

# open PORT checks whether anything listens there.
open() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# check_ports makes sure that the nodes that do not run can start, and that a foreign process
# is never taken for a node.
check_ports() {
  local port one
  for port in $ports; do
    pid_of "$port" >/dev/null && continue
    for one in "$port" $((port + 10000)); do
      if open "$one"; then die "port $one is taken by a process that this script did not start; try another CLUSTER_PORT"; fi
    done
  done
}

start_node() {
  mkdir -p "$dir/$1"
  (cd "$dir/$1" && redis-server --port "$1" --bind 127.0.0.1 --daemonize yes --dir "$dir/$1" \
    --pidfile "$dir/$1/redis.pid" --logfile "$dir/$1/redis.log" \
    --cluster-enabled yes --cluster-config-file nodes.conf --cluster-node-timeout "$node_timeout" \
    --appendonly yes --appendfsync everysec --save '' --maxmemory-policy noeviction \
    --repl-diskless-sync-delay 0 >/dev/null)
  wait_for 20 "the start of $1 (see $dir/$1/redis.log)" answers "$1"
}

up() {
  command -v redis-server >/dev/null && command -v redis-cli >/dev/null || die "redis-server and redis-cli are not installed"
  local port new=yes
  check_ports # before anything is written: leftovers would affect the next start
  mkdir -p "$dir"
  [ -f "$dir/created" ] && new=no
  echo "$first" >"$dir/first-port"
  for port in $ports; do
    pid_of "$port" >/dev/null || start_node "$port"
  done
  if [ "$new" = yes ]; then
    redis-cli --cluster create $(printf '127.0.0.1:%s ' $ports) --cluster-replicas 1 --cluster-yes >"$dir/create.log" ||
      die "cluster creation failed, see $dir/create.log"
    touch "$dir/created"
  fi
  wait_for 60 "a healthy cluster" healthy
  echo "REDIS_ADDRS=$(addrs)"
}

down() {
  local port pid
  for port in $ports; do
    if pid=$(pid_of "$port"); then
      kill -CONT "$pid"
      kill -KILL "$pid"
      while kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
    fi
    rm -rf "${dir:?}/$port"
  done
  rm -f "$dir/first-port" "$dir/created" "$dir/create.log" "$dir/reshard.log"
  rmdir "$dir" 2>/dev/null || true
}

status() {
  local port pid
  for port in $ports; do
    if pid=$(pid_of "$port"); then
      echo "127.0.0.1:$port pid $pid $(role "$port") $(ask "$port" cluster nodes | grep myself | cut -d' ' -f9-)"
    else
      echo "127.0.0.1:$port down"
    fi
  done
}

addrs() { printf '127.0.0.1:%s\n' $ports | paste -sd, -; }

# pick_master prints the port of a master that serves slots and has a replica.
pick_master() {
  local port
  for port in $ports; do
    pid_of "$port" >/dev/null || continue
    [ "$(role "$port")" = master ] || continue
    ask "$port" info replication | grep -q '^slave0:.*state=online' || continue
    echo "$port" && return
  done
  return 1
}

kill_master() {
  local port
  port=$(pick_master) || die "no master has a replica in sync; try: $0 up"
  kill -KILL "$(pid_of "$port")"
  echo "killed the master 127.0.0.1:$port"
}

pause_master() {
  local port pid
  port=$(pick_master) || die "no master has a replica in sync; try: $0 up"
  pid=$(pid_of "$port")
  kill -STOP "$pid"
  sleep "${PAUSE:-5}"
  kill -CONT "$pid"
  echo "paused the master 127.0.0.1:$port for ${PAUSE:-5} s"
}

agreed() { redis-cli --cluster check "127.0.0.1:$first" >/dev/null 2>&1; }

reshard() {
  local port id from='' to=''
  wait_for 30 "a healthy cluster" healthy
  for port in $ports; do
    pid_of "$port" >/dev/null && [ "$(role "$port")" = master ] || continue
    id=$(ask "$port" cluster myid)
    if [ -z "$from" ]; then from=$id; else to=$id; fi
  done
  [ -n "$to" ] || die "fewer than two masters are running"
  redis-cli --cluster reshard "127.0.0.1:$first" --cluster-from "$from" --cluster-to "$to" \
    --cluster-slots "${SLOTS:-500}" --cluster-yes >"$dir/reshard.log" 2>&1 ||
    die "reshard failed: $(tail -n 3 "$dir/reshard.log")"
  wait_for 30 "agreement on who has which slots" agreed
  echo "moved ${SLOTS:-500} slots"
}

case ${1:-} in
  up | down | status | addrs | reshard) "$1" ;;
  kill-master) kill_master ;;
  pause-master) pause_master ;;
  *) sed -n '2,/^$/s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
