"""Places one order over gRPC and follows it until its nodes have their pick instructions.

    scripts/python docs/examples/place_order.py ADDRESS      (such as 127.0.0.1:50051, as the server prints it)

The server must know an item, and a node with stock of it where it can be fetched: `waybill demo --keep` leaves one
running that does, and so do the examples of docs/import-formats.md.
"""

import sys
import uuid

import grpc
from grpc_status import rpc_status
from google.rpc import error_details_pb2

from waybill.common.v1 import money_pb2, place_pb2
from waybill.fulfillment.v1 import network_service_pb2, network_service_pb2_grpc
from waybill.inventory.v1 import inventory_service_pb2, inventory_service_pb2_grpc
from waybill.orders.v1 import order_pb2, orders_service_pb2, orders_service_pb2_grpc, place_line_pb2

# Who is calling is said once per call, in metadata, and never in a request.
CALLER = [("waybill-channel", "web"), ("waybill-actor", "example")]


def usd(minor_units):
    return money_pb2.Money(currency_code="USD", minor_units=minor_units)


def choose(inventory, network):
    """An item of which a whole unit lies at a node that hands over, and that node."""
    request = inventory_service_pb2.ListItemsRequest(page_size=100)
    while True:
        page = inventory.ListItems(request, metadata=CALLER)
        items = {item.sku: item for item in page.items if not item.inactive}
        asked = inventory_service_pb2.BatchGetAvailabilityRequest(skus=items, include_nodes=True)
        answer = inventory.BatchGetAvailability(asked, metadata=CALLER) if items else None
        for found in answer.availabilities if answer else []:
            item = items[found.sku]
            for place in found.nodes:
                if place.available >= 10**item.scale and hands_over(network, place.node_id):
                    return item, place.node_id
        if not page.next_page_token:
            sys.exit("no item lies at a node that hands over: import items, nodes that do pickup, and stock")
        request.page_token = page.next_page_token


def hands_over(network, node_id):
    try:
        node = network.GetNode(network_service_pb2.GetNodeRequest(node_id=node_id), metadata=CALLER).node
    except grpc.RpcError as error:
        # Stock may be booked at a node before the node is known.
        if error.code() == grpc.StatusCode.NOT_FOUND:
            return False
        raise
    return node.capabilities.pickup and not node.inactive


def main(address):
    channel = grpc.insecure_channel(address)
    inventory = inventory_service_pb2_grpc.InventoryServiceStub(channel)
    network = network_service_pb2_grpc.NetworkServiceStub(channel)
    orders = orders_service_pb2_grpc.OrdersServiceStub(channel)

    item, node_id = choose(inventory, network)

    request = orders_service_pb2.PlaceOrderRequest(
        # The same id with the same content has one effect, however often it is sent.
        request_id=uuid.uuid4().hex,
        external_order_number=f"EXAMPLE-{uuid.uuid4().hex[:8]}",
        mode=orders_service_pb2.PLACE_MODE_CONFIRM,
        contact=place_pb2.Contact(name="Ada Example", email="ada@example.com"),
        lines=[
            place_line_pb2.PlaceLine(
                sku=item.sku,
                # Quantities are at the item's scale: 100 of scale 2 are one metre.
                quantity=10**item.scale,
                quantity_scale=item.scale,
                delivery_method=order_pb2.DELIVERY_METHOD_PICKUP,
                pickup_node_id=node_id,
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
