# One Kafka with a listener for each way to connect: `load ../support/secure_kafka` after common and kafka, and
# start_secure_kafka in setup_file. Its certificates are made by openssl in $CERTIFICATES.
#
#   $PORT_PLAIN        no TLS, no login; whoever comes may do everything
#   $PORT_TLS          TLS
#   $PORT_MUTUAL       TLS, and a client certificate of our CA
#   $PORT_EXPIRED      TLS, with a certificate that has expired
#   $PORT_OTHER_NAME   TLS, with a certificate for other.example
#   $PORT_LOGIN        SASL/PLAIN: admin and rotating (may do everything), guest (nothing), password NAME-secret
#   $PORT_SCRAM        SASL/SCRAM-SHA-256
#   $PORT_TLS_LOGIN    as $PORT_LOGIN, over TLS
#   $PORT_OAUTH        SASL/OAUTHBEARER over TLS, with tokens that nobody signed
#   $PORT_FAR          as $PORT_TLS_LOGIN, but advertised as $PORT_FAR_HERE, where a test puts a slow proxy
#   $PORT_CLOSED_THERE no TLS, no login; advertised at a port where nobody listens
#   $PORT_NO_NAME      likewise, at a name that cannot be resolved

# shellcheck disable=SC2034 # for the tests
CERTIFICATES=$BATS_FILE_TMPDIR/certificates

# These files are read again for each test.
[ ! -f "$BATS_FILE_TMPDIR/ports" ] || . "$BATS_FILE_TMPDIR/ports"

make_ca() { # NAME
  openssl req -x509 -newkey rsa:2048 -nodes -keyout "$1.key" -out "$1.pem" -days 3650 -subj "/CN=$1"
  : >"$1.index"
  echo 01 >"$1.serial"
}

# make_certificate NAME CA SUBJECT_ALT_NAME END: NAME.crt and NAME.key, and both in NAME.pem.
make_certificate() {
  openssl req -newkey rsa:2048 -nodes -keyout "$1.key" -out "$1.csr" -subj "/CN=$1"
  printf '%s\n' '[ca]' 'default_ca=ours' '[ours]' 'new_certs_dir=.' "database=$2.index" "serial=$2.serial" \
    default_md=sha256 policy=policy x509_extensions=names '[policy]' commonName=supplied '[names]' \
    "subjectAltName=$3" >"$1.cnf"
  openssl ca -batch -notext -config "$1.cnf" -cert "$2.pem" -keyfile "$2.key" -in "$1.csr" -out "$1.crt" \
    -startdate 20200101000000Z -enddate "$4"
  cat "$1.key" "$1.crt" >"$1.pem"
}

make_certificates() {
  mkdir -p "$CERTIFICATES"
  (
    cd "$CERTIFICATES" || exit
    make_ca ca
    make_ca stranger
    make_certificate server ca DNS:localhost,IP:127.0.0.1 20490101000000Z
    make_certificate expired ca DNS:localhost,IP:127.0.0.1 20210101000000Z
    make_certificate other ca DNS:other.example 20490101000000Z
    make_certificate client ca DNS:client 20490101000000Z
    make_certificate imposter stranger DNS:client 20490101000000Z
  ) >"$BATS_FILE_TMPDIR/openssl.log" 2>&1 || fail "$(tail -n 5 "$BATS_FILE_TMPDIR/openssl.log")"
}

choose_ports() {
  local name port=0
  for name in CONTROLLER TLS MUTUAL EXPIRED OTHER_NAME LOGIN SCRAM TLS_LOGIN OAUTH FAR FAR_HERE CLOSED_THERE NO_NAME NOBODY PLAIN; do
    port=$(next_free_port $((port > 0 ? port + 1 : $(random_free_port))))
    echo "export PORT_$name=$port"
  done >"$BATS_FILE_TMPDIR/ports"
  . "$BATS_FILE_TMPDIR/ports"
}

# certificate_of LISTENER NAME: the lines of server.properties for it.
certificate_of() {
  printf '%s\n' "listener.name.$1.ssl.keystore.type=PEM" \
    "listener.name.$1.ssl.keystore.location=$CERTIFICATES/$2.pem"
}

# start_secure_kafka [NAME=VALUE]...
start_secure_kafka() {
  make_certificates
  choose_ports
  launch_secure_kafka rotating-secret "$@"
}

# launch_secure_kafka PASSWORD [NAME=VALUE]...: again, on the same ports, after it was stopped; the user rotating has
# that password now.
launch_secure_kafka() {
  local listeners logins settings port=$PORT_PLAIN password=$1
  shift
  listeners=PLAIN://127.0.0.1:$port,TLS://127.0.0.1:$PORT_TLS,MUTUAL://127.0.0.1:$PORT_MUTUAL
  listeners+=,EXPIRED://127.0.0.1:$PORT_EXPIRED,OTHER_NAME://127.0.0.1:$PORT_OTHER_NAME
  listeners+=,LOGIN://127.0.0.1:$PORT_LOGIN,SCRAM://127.0.0.1:$PORT_SCRAM,TLS_LOGIN://127.0.0.1:$PORT_TLS_LOGIN
  listeners+=,OAUTH://127.0.0.1:$PORT_OAUTH
  logins='org.apache.kafka.common.security.plain.PlainLoginModule required'
  logins+=' user_admin="admin-secret" user_guest="guest-secret"'
  logins+=' user_rotating="'"$password"'";'
  mapfile -t settings < <(
    certificate_of tls server
    certificate_of mutual server
    certificate_of expired expired
    certificate_of other_name other
    certificate_of tls_login server
    certificate_of far server
    certificate_of oauth server
    printf '%s\n' "listener.name.mutual.ssl.client.auth=required" \
      "listener.name.mutual.ssl.truststore.type=PEM" \
      "listener.name.mutual.ssl.truststore.location=$CERTIFICATES/ca.pem" \
      "sasl.enabled.mechanisms=PLAIN" "listener.name.scram.sasl.enabled.mechanisms=SCRAM-SHA-256" \
      "listener.name.login.plain.sasl.jaas.config=$logins" \
      "listener.name.tls_login.plain.sasl.jaas.config=$logins" \
      "listener.name.far.plain.sasl.jaas.config=$logins" \
      "listener.name.scram.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;" \
      "listener.name.oauth.sasl.enabled.mechanisms=OAUTHBEARER" \
      "listener.name.oauth.oauthbearer.sasl.jaas.config=org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub=\"broker\";"
  )
  "$ROOT/scripts/local_kafka.sh" start "$KAFKA_DIR" "$port" group.min.session.timeout.ms=1000 \
    "controller.quorum.voters=1@127.0.0.1:$PORT_CONTROLLER" "inter.broker.listener.name=PLAIN" \
    "listeners=$listeners,FAR://127.0.0.1:$PORT_FAR,CLOSED_THERE://127.0.0.1:$PORT_CLOSED_THERE,NO_NAME://127.0.0.1:$PORT_NO_NAME,CONTROLLER://127.0.0.1:$PORT_CONTROLLER" \
    "advertised.listeners=$listeners,FAR://127.0.0.1:$PORT_FAR_HERE,CLOSED_THERE://127.0.0.1:$PORT_NOBODY,NO_NAME://no-such-host.invalid:9092" \
    "listener.security.protocol.map=PLAIN:PLAINTEXT,CONTROLLER:PLAINTEXT,TLS:SSL,MUTUAL:SSL,EXPIRED:SSL,OTHER_NAME:SSL,LOGIN:SASL_PLAINTEXT,SCRAM:SASL_PLAINTEXT,TLS_LOGIN:SASL_SSL,OAUTH:SASL_SSL,FAR:SASL_SSL,CLOSED_THERE:PLAINTEXT,NO_NAME:PLAINTEXT" \
    "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer" \
    "super.users=User:ANONYMOUS;User:admin;User:rotating;User:CN=client" auto.create.topics.enable=false \
    "${settings[@]}" "$@" 3>&-
  "$ROOT/scripts/local_kafka.sh" wait "$KAFKA_DIR" 180
}
