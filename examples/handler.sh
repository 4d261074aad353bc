#!/bin/sh
# An order handler: PROCESSOR_KIND=command PROCESSOR_COMMAND='sh examples/handler.sh'
# The id is the first member of each request and needs no JSON parser.
while IFS= read -r request; do
  id=${request#'{"id":"'}
  id=${id%%'"'*}
  # your work goes here, with $request on its standard input, for example
  if printf '%s\n' "$request" | grep -q '"order":{'; then result=ok; else result=reject; fi
  printf '{"id":"%s","result":"%s","receipt":"handled %s"}\n' "$id" "$result" "$id"
done
