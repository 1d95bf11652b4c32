"""Places one order over gRPC and follows it until its nodes have their pick instructions.

    scripts/python docs/examples/place_order.py ADDRESS      (such as 127.0.0.1:50051, as the server prints it)

The server must know items and hold stock: `waybill demo --keep` leaves one running that does.
"""

import sys
import uuid

import grpc
from grpc_status import rpc_status
from google.rpc import error_details_pb2

from waybill.common.v1 import money_pb2, place_pb2
from waybill.inventory.v1 import inventory_service_pb2, inventory_service_pb2_grpc
from waybill.orders.v1 import order_pb2, orders_service_pb2, orders_service_pb2_grpc

# Who is calling is said once per call, in metadata, and never in a request.
CALLER = [("waybill-channel", "web"), ("waybill-actor", "example")]


def usd(minor_units):
    return money_pb2.Money(currency_code="USD", minor_units=minor_units)


def main(address):
    channel = grpc.insecure_channel(address)
    inventory = inventory_service_pb2_grpc.InventoryServiceStub(channel)
    orders = orders_service_pb2_grpc.OrdersServiceStub(channel)

    page = inventory.ListItems(inventory_service_pb2.ListItemsRequest(page_size=1), metadata=CALLER)
    sku = page.items[0].sku

    request = orders_service_pb2.PlaceOrderRequest(
        # The same id with the same content has one effect, however often it is sent.
        request_id=uuid.uuid4().hex,
        external_order_number=f"EXAMPLE-{uuid.uuid4().hex[:8]}",
        mode=orders_service_pb2.PLACE_MODE_CONFIRM,
        contact=place_pb2.Contact(name="Ada Example", email="ada@example.com"),
        ship_to=place_pb2.Address(
            street_lines=["1 Example Street"], city="Denver", region="CO", postal_code="80202", country_code="US"
        ),
        lines=[
            orders_service_pb2.PlaceLine(
                sku=sku,
                quantity=1,
                delivery_method=order_pb2.DELIVERY_METHOD_SHIP_HOME,
                amounts=order_pb2.LineAmounts(unit_price=usd(1999), total=usd(1999)),
            )
        ],
        amounts=order_pb2.OrderAmounts(total=usd(1999)),
    )
    try:
        placed = orders.PlaceOrder(request, metadata=CALLER)
    except grpc.RpcError as error:
        status = rpc_status.from_call(error)
        for detail in status.details if status else []:
            info = error_details_pb2.ErrorInfo()
            if detail.Unpack(info):
                print(f"refused: {info.reason} {dict(info.metadata)}", file=sys.stderr)
        raise

    print(f"placed {placed.order_id}, revision {placed.revision}")
    for update in orders.WatchOrder(orders_service_pb2.WatchOrderRequest(order_id=placed.order_id), metadata=CALLER):
        status = order_pb2.OrderStatus.Name(update.status)
        print(f"revision {update.revision}: {status}")
        if status == "ORDER_STATUS_RELEASED":
            return


if __name__ == "__main__":
    main(sys.argv[1])
