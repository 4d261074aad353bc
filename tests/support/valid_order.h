#ifndef SUPPORT_VALID_ORDER_H
#define SUPPORT_VALID_ORDER_H

/* The shortest order that is valid, and one that can be decoded and is not valid. */
#define VALID_ORDER                                                                             \
    "{\"order_id\":\"o-1\",\"sequence\":1,\"status\":\"pending\","                              \
    "\"customer_info\":{\"customer_id\":\"c-1\",\"name\":\"Ann\"},"                             \
    "\"items\":[{\"item_id\":\"i-1\",\"item_name\":\"Nut\",\"quantity\":1,\"unit_price\":2.00," \
    "\"total_price\":2.00}],\"subtotal\":2.00,\"tax\":0,\"shipping_fee\":0,\"total\":2.00,"     \
    "\"metadata\":{\"timestamp\":\"2026-11-22T17:04:30.000Z\"}}"
#define INVALID_ORDER "{\"order_id\":\"o-2\",\"sequence\":0}"

#endif
