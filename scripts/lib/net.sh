# shellcheck shell=bash
# Ports, and whether a Kafka answers there. Sourced, not run. Needs nothing but bash and coreutils,
# since it is asked before anything is built.

# port_is_free PORT: nobody listens on it.
port_is_free() {
  local hex
  hex=$(printf ':%04X' "$1")
  ! cat /proc/net/tcp /proc/net/tcp6 2>/dev/null |
    awk -v port="$hex" '$4 == "0A" && substr($2, length($2) - 4) == port { found = 1 } END { exit !found }'
}

# listens PID PORT: that process does; of one's own processes only.
listens() {
  local hex sockets
  hex=$(printf ':%04X' "$2")
  sockets=$(cat /proc/net/tcp /proc/net/tcp6 2>/dev/null |
    awk -v port="$hex" '$4 == "0A" && substr($2, length($2) - 4) == port { print "socket:[" $10 "]" }')
  # grep reads to the end: with pipefail the writer's SIGPIPE would be the status, and so would a file closed meanwhile.
  [ "$sockets" ] && { readlink "/proc/$1/fd/"* 2>/dev/null || :; } | grep -xF -- "$sockets" >/dev/null
}

# next_free_port PORT: the first free one from PORT upwards.
next_free_port() {
  local port
  for ((port = $1; port < 65536; port++)); do
    port_is_free "$port" && printf '%s\n' "$port" && return 0
  done
  return 1
}

# random_free_port: below the range that the kernel gives to outgoing connections.
random_free_port() {
  next_free_port $((10000 + (RANDOM * 32768 + RANDOM) % 20000))
}

# split_host_port HOST:PORT: sets $host and $port. [::1]:9092 is understood.
split_host_port() {
  host=${1%:*}
  port=${1##*:}
  host=${host#[}
  host=${host%]}
  [ "$host:$port" != "$1:$1" ] && [[ $host && $port =~ ^[1-9][0-9]{0,4}$ ]] && [ "$port" -lt 65536 ]
}

# kafka_request HOST:PORT REQUEST: sends the bytes (printf escapes), prints the first 12 of the answer in
# hex. A listener that stays silent costs two seconds.
kafka_request() {
  local host port
  split_host_port "$1" || return 1
  # shellcheck disable=SC2016 # expanded by the inner shell
  timeout 2 bash -c '
    exec 3<>"/dev/tcp/$1/$2" || exit 1
    printf "$3" >&3
    head -c 12 <&3 | od -An -v -tx1 | tr -d " \n"
  ' _ "$host" "$port" "$2" 2>/dev/null
}

# is_kafka HOST:PORT: something there speaks Kafka's protocol, though perhaps only over TLS or after a
# login (see broker_answers in start.sh for those). Asks for ApiVersions version 0, which every
# version answers, even before a login, and looks for our correlation id.
is_kafka() {
  local answer
  answer=$(kafka_request "$1" '\x00\x00\x00\x0a\x00\x12\x00\x00\x4f\x54\x00\x01\xff\xff')
  [ "${answer:8:8}" = 4f540001 ]
}

# kafka_is_ready HOST:PORT: it also takes clients. A broker answers ApiVersions a little before its
# controller lets it; until then Metadata (version 1, no topics) lists no broker.
kafka_is_ready() {
  local answer
  answer=$(kafka_request "$1" '\x00\x00\x00\x0e\x00\x03\x00\x01\x4f\x54\x00\x02\xff\xff\x00\x00\x00\x00')
  [ "${answer:8:8}" = 4f540002 ] && [ "${#answer}" -eq 24 ] && [ "${answer:16:8}" != 00000000 ]
}
