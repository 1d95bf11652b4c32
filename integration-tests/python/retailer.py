"""The retailer of the journey of one order: two warehouses that ship, the first one cheaper, two stores that hand over and
take back, and four items; and the words in which an order and its changes are said."""

import engine as kit
from waybill.common.v1 import place_pb2, row_pb2
from waybill.fulfillment.v1 import network_pb2, network_service_pb2, node_pb2
from waybill.inventory.v1 import inventory_service_pb2, item_pb2
from waybill.orders.v1 import amendments_service_pb2, order_pb2, orders_service_pb2, place_line_pb2

SHIP, PICKUP = order_pb2.DELIVERY_METHOD_SHIP_HOME, order_pb2.DELIVERY_METHOD_PICKUP
# Prices in cents, tax included.
PRICES = {"TEA": 1999, "CUP": 750, "BOWL": 750, "COFFEE": 1249}
PHONE = "+49305550100"
NUMBER = "SHOP-4711"
STOCK = {
    "north": {"TEA": 20, "CUP": 10, "BOWL": 10, "COFFEE": 5},
    "south": {"TEA": 20, "CUP": 10, "BOWL": 10},
    "harbour": {"COFFEE": 5},
}


def open_retailer(engine):
    with engine.one_process():
        _open(engine)


def _open(engine):
    network, inventory = engine.network, engine.inventory
    zone = network_pb2.Zone(zone_id="de", areas=[network_pb2.PostalArea(country_code="DE")])
    written(network.UpsertZones(network_service_pb2.UpsertZonesRequest(request_id="zones", zones=[zone])))
    nodes = [warehouse("north"), warehouse("south"), store("harbour"), store("city")]
    written(network.UpsertNodes(network_service_pb2.UpsertNodesRequest(request_id="nodes", nodes=nodes)))
    lanes = [lane("north", 450), lane("south", 690)]
    written(network.UpsertLanes(network_service_pb2.UpsertLanesRequest(request_id="lanes", lanes=lanes)))
    rows = [
        inventory_service_pb2.ItemRow(
            item=item_pb2.Item(sku=sku, name=sku.capitalize(), unit=item_pb2.UNIT_PIECE, weight_g=250)
        )
        for sku in PRICES
    ]
    written(inventory.UpsertItems(inventory_service_pb2.UpsertItemsRequest(request_id="items", rows=rows)))
    for node_id, shelf in STOCK.items():
        for sku, quantity in shelf.items():
            inventory.ReceiveStock(
                inventory_service_pb2.ReceiveStockRequest(
                    request_id=f"{node_id}-{sku}", sku=sku, node_id=node_id, quantity=quantity
                )
            )


def written(answer):
    refused = [row for row in answer.results if row.outcome == row_pb2.ROW_OUTCOME_REFUSED]
    assert not refused, refused


def warehouse(node_id):
    return node_pb2.Node(
        node_id=node_id,
        kind=node_pb2.NODE_KIND_CENTRAL_WAREHOUSE,
        time_zone="Europe/Berlin",
        handling_ms=3_600_000,
        handling_cost=kit.eur(150),
        capabilities=node_pb2.NodeCapabilities(ships=True),
    )


def store(node_id):
    return node_pb2.Node(
        node_id=node_id,
        kind=node_pb2.NODE_KIND_STORE,
        time_zone="Europe/Berlin",
        capabilities=node_pb2.NodeCapabilities(pickup=True, accepts_returns=True),
    )


def lane(node_id, cost):
    return network_pb2.Lane(
        lane_id=f"{node_id}-de",
        from_node_id=node_id,
        to_zone_id="de",
        carrier_service="standard",
        cost=network_pb2.LaneCost(base=kit.eur(cost)),
        transit_days=2,
    )


def line(sku, quantity, price=None, discount=0, pickup_node_id=""):
    price = PRICES[sku] if price is None else price
    return place_line_pb2.PlaceLine(
        sku=sku,
        quantity=quantity,
        delivery_method=PICKUP if pickup_node_id else SHIP,
        pickup_node_id=pickup_node_id,
        amounts=order_pb2.LineAmounts(
            unit_price=kit.eur(price), discount=kit.eur(discount), total=kit.eur(price * quantity - discount)
        ),
    )


def address(street, city, postal_code):
    return place_pb2.Address(
        name="Ada Example", street_lines=[street], city=city, postal_code=postal_code, country_code="DE"
    )


def order(hold_id, journey):
    """3 teas with 1.00 off and 2 cups; 4.90 for shipping, 2.00 off all: 76.87."""
    lines = [line("TEA", 3, discount=100), line("CUP", 2)]
    total = sum(each.amounts.total.minor_units for each in lines) + 490 - 200
    return orders_service_pb2.PlaceOrderRequest(
        external_order_number=NUMBER,
        mode=orders_service_pb2.PLACE_MODE_CONFIRM,
        customer_id="ada-17",
        contact=place_pb2.Contact(name="Ada Example", phone=PHONE, email="ada@example.com"),
        ship_to=address("Teststraße 1", "Berlin", "10115"),
        lines=lines,
        amounts=order_pb2.OrderAmounts(
            shipping=kit.eur(490), discount=kit.eur(200), total=kit.eur(total), tax_included=True
        ),
        hold_id=hold_id,
        journey_id=journey,
    )


def amendment(order, *changes):
    """Changes decided on an order as it was read."""
    return amendments_service_pb2.AmendOrderRequest(
        order_id=order.order_id, expected_revision=order.revision, changes=changes
    )


def amounts(sku, quantity, price=None):
    price = PRICES[sku] if price is None else price
    return amendments_service_pb2.UnitAmounts(unit_price=kit.eur(price), total=kit.eur(price * quantity))


def more(line_number, quantity, sku, added):
    """So many units of a line in all, of which some are new."""
    return amendments_service_pb2.OrderChange(
        set_quantity=amendments_service_pb2.SetQuantityChange(
            line_number=line_number, quantity=quantity, added=amounts(sku, added)
        )
    )


def another(sku, quantity):
    return amendments_service_pb2.OrderChange(
        add_line=amendments_service_pb2.AddLineChange(line=line(sku, quantity))
    )


def instead(line_number, sku, quantity):
    return amendments_service_pb2.OrderChange(
        substitute=amendments_service_pb2.SubstituteChange(
            line_number=line_number, **{"with": line(sku, quantity)}
        )
    )


def to(ship_to):
    return amendments_service_pb2.OrderChange(
        set_ship_to=amendments_service_pb2.SetShipToChange(ship_to=ship_to)
    )


def fetched_at(node_id, *line_numbers):
    return amendments_service_pb2.OrderChange(
        set_delivery=amendments_service_pb2.SetDeliveryChange(
            line_numbers=line_numbers, delivery_method=PICKUP, pickup_node_id=node_id
        )
    )


def priced(line_number, sku, quantity, price):
    return amendments_service_pb2.OrderChange(
        set_price=amendments_service_pb2.SetPriceChange(
            line_number=line_number, amounts=amounts(sku, quantity, price)
        )
    )
