# What most e2e files stand on: `load ../support/flow_on_kafka` brings common, kafka and flow, one Kafka for the file,
# with the settings in the array BROKER_SETTINGS, and for each test a flow of its own. A file that needs something
# else defines that function itself, after it has loaded this.

load ../support/common
load ../support/kafka
load ../support/flow

setup_file() {
  start_kafka "${BROKER_SETTINGS[@]}"
}

teardown_file() {
  stop_kafka
}

setup() {
  use_own_flow
}

teardown() {
  end_background
}
