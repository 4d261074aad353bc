# An order handler: PROCESSOR_KIND=command PROCESSOR_COMMAND='jq --unbuffered -c -f examples/handler.jq'
{id, result: (if .order.total >= 0 then "ok" else "reject" end), receipt: "handled \(.order.order_id)"}
