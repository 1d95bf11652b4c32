"""A client in Python, with stubs generated from the contracts: the main journey, refusals, and streams that resume."""

import unittest

import grpc

import engine as kit
from waybill.fulfillment.v1 import fulfillment_order_pb2, fulfillment_service_pb2, plan_pb2, promise_service_pb2
from waybill.inventory.v1 import inventory_service_pb2, reservation_pb2
from waybill.orders.v1 import order_pb2, orders_service_pb2


class Journey(unittest.TestCase):
    """Promise, hold, place, watch, pick and ship; with a kill -9 in the middle."""

    def setUp(self):
        self.engine = kit.Engine()
        self.addCleanup(self.engine.close)
        kit.open_retailer(self.engine)

    def promise(self):
        line = plan_pb2.BasketLine(
            line_number=1, sku="TEA", quantity=2, delivery_method=plan_pb2.DELIVERY_METHOD_SHIP_HOME
        )
        basket = plan_pb2.Basket(
            lines=[line], destination=plan_pb2.Destination(country_code="DE", postal_code="10115")
        )
        request = fulfillment_service_pb2.PromiseRequest(basket=basket, journey_id="journey-1")
        answer = self.engine.fulfillment.Promise(request, metadata=kit.WEB, timeout=kit.PATIENCE)
        self.assertEqual(len(answer.unplanned), 0)
        return answer.options[0].plan

    def test_a_product_page_is_told_what_a_basket_is_told(self):
        plan = self.promise()
        berlin = plan_pb2.Destination(country_code="DE", postal_code="10115")
        places = [promise_service_pb2.PromisePlace(destination=berlin)]
        request = promise_service_pb2.PromiseItemRequest(sku="TEA", quantity=2, places=places)
        answer = self.engine.promises.PromiseItem(request, metadata=kit.WEB, timeout=kit.PATIENCE)
        option = answer.places[0].options[0]
        self.assertEqual((option.cost, option.promise), (plan.total_cost, plan.promise))
        served = [[(part.node_id, part.quantity) for part in way.assignments] for way in (option, plan)]
        self.assertEqual(served[0], served[1])
        request.sku = "NO-SUCH"
        with self.assertRaises(grpc.RpcError) as refused:
            self.engine.promises.PromiseItem(request, metadata=kit.WEB, timeout=kit.PATIENCE)
        self.assertEqual(refused.exception.code(), grpc.StatusCode.NOT_FOUND)

    def hold(self, plan):
        lines = [
            reservation_pb2.StockQuantity(sku="TEA", node_id=part.node_id, quantity=part.quantity)
            for part in plan.assignments
        ]
        request = inventory_service_pb2.ReserveStockRequest(
            request_id="hold-1", lines=lines, ttl_ms=900_000, journey_id="journey-1"
        )
        held = self.engine.inventory.ReserveStock(request, metadata=kit.WEB, timeout=kit.PATIENCE).reservation
        self.assertEqual(held.state, reservation_pb2.RESERVATION_STATE_HELD)
        return held

    def report(self, message, instruction, revision, **more):
        return message(
            request_id=f"{message.DESCRIPTOR.name}-{instruction.fulfillment_order_id}",
            fulfillment_order_id=instruction.fulfillment_order_id,
            revision=revision,
            **more,
        )

    def fulfill(self, instruction):
        """Every step of the node; answers with the work as it is at the end."""
        node = self.engine.fulfillment
        picked = [
            fulfillment_service_pb2.PickedLine(line_number=line.line_number, picked_quantity=line.quantity)
            for line in instruction.lines
        ]
        contents = [
            fulfillment_order_pb2.ParcelContent(line_number=line.line_number, quantity=line.quantity)
            for line in instruction.lines
        ]
        parcel = fulfillment_order_pb2.Parcel(parcel_id="box-1", contents=contents)
        steps = [
            (node.AcceptFulfillmentOrder, fulfillment_service_pb2.AcceptFulfillmentOrderRequest, {}),
            (node.StartPicking, fulfillment_service_pb2.StartPickingRequest, {}),
            (node.ConfirmPick, fulfillment_service_pb2.ConfirmPickRequest, {"lines": picked}),
            (node.Pack, fulfillment_service_pb2.PackRequest, {"parcels": [parcel]}),
            (node.Ship, fulfillment_service_pb2.ShipRequest, {"carrier": "post", "tracking_number": "T-1"}),
        ]
        revision = instruction.revision
        for call, message, more in steps:
            request = self.report(message, instruction, revision, **more)
            work = call(request, metadata=kit.NODE, timeout=kit.PATIENCE).fulfillment_order
            revision = work.revision
        return work

    def test_an_order_is_promised_held_placed_watched_picked_and_shipped_over_a_crash(self):
        plan = self.promise()
        self.assertGreater(plan.total_cost.minor_units, 0)
        held = self.hold(plan)
        request = kit.order("PY-1", quantity=2, hold_id=held.reservation_id, journey_id="journey-1")
        placed = self.engine.orders.PlaceOrder(request, metadata=kit.WEB, timeout=kit.PATIENCE)
        self.assertEqual(placed.outcome, orders_service_pb2.PLACE_OUTCOME_CONFIRMED)
        self.assertEqual(placed.lines[0].reserved, 2)
        self.assertGreaterEqual(kit.seconds(placed.promise.latest), kit.seconds(plan.promise.earliest))

        watch = orders_service_pb2.WatchOrderRequest(order_id=placed.order_id)
        before = kit.Taken(self.engine.orders.WatchOrder(watch))
        seen = before.wait(lambda messages: messages and messages[-1].status == order_pb2.ORDER_STATUS_RELEASED)
        self.assertEqual(seen[0].WhichOneof("update"), "order")

        ask = fulfillment_service_pb2.SubscribeInstructionsRequest(node_id="central")
        instructions = kit.Taken(self.engine.fulfillment.SubscribeInstructions(ask, metadata=kit.NODE))
        instruction = instructions.wait(lambda messages: messages)[0].instruction
        self.assertEqual(instruction.number, 1)
        self.assertEqual(instruction.ship_to.address.city, "Berlin")

        self.engine.crash()
        self.assertIn(before.wait_broken().code(), (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED))
        again = self.engine.orders.PlaceOrder(request, metadata=kit.WEB, timeout=kit.PATIENCE)
        self.assertEqual(again.order_id, placed.order_id)

        watch.resume_token = seen[-1].resume_token
        after = kit.Taken(self.engine.orders.WatchOrder(watch))
        work = self.fulfill(instruction)
        self.assertEqual(work.state, fulfillment_order_pb2.FULFILLMENT_ORDER_STATE_SHIPPED)
        resumed = after.wait(lambda messages: messages and messages[-1].status == order_pb2.ORDER_STATUS_SHIPPED)
        self.assertEqual({message.WhichOneof("update") for message in resumed}, {"entry"})
        numbers = [message.entry.number for message in resumed]
        self.assertEqual(numbers, list(range(numbers[0], numbers[0] + len(numbers))))
        after.cancel()

        key = orders_service_pb2.ExternalOrderKey(channel="web", external_order_number="PY-1")
        read = orders_service_pb2.GetOrderRequest(external=key)
        shipped = self.engine.orders.GetOrder(read, metadata=kit.CALL_CENTER, timeout=kit.PATIENCE).order
        self.assertEqual(shipped.lines[0].buckets.shipped, 2)
        self.assertEqual(shipped.fulfillment_orders[0].tracking_numbers, ["T-1"])

    def test_instructions_go_on_after_the_number_that_was_taken(self):
        placed = []
        for index in range(4):
            request = kit.order(f"PY-N{index}")
            answer = self.engine.orders.PlaceOrder(request, metadata=kit.WEB, timeout=kit.PATIENCE)
            placed.append(answer.order_id)
        ask = fulfillment_service_pb2.SubscribeInstructionsRequest(node_id="central")
        stream = kit.Taken(self.engine.fulfillment.SubscribeInstructions(ask, metadata=kit.NODE))
        first = stream.wait(lambda messages: len(messages) >= 2)[:2]
        stream.cancel()
        self.engine.crash()

        by_number = fulfillment_service_pb2.SubscribeInstructionsRequest(node_id="central", after_number=2)
        by_token = fulfillment_service_pb2.SubscribeInstructionsRequest(
            node_id="central", resume_token=first[-1].resume_token
        )
        for ask in (by_number, by_token):
            stream = kit.Taken(self.engine.fulfillment.SubscribeInstructions(ask, metadata=kit.NODE))
            rest = stream.wait(lambda messages: len(messages) >= 2)
            stream.cancel()
            taken = [message.instruction for message in first + rest]
            self.assertEqual([instruction.number for instruction in taken], [1, 2, 3, 4])
            self.assertCountEqual([instruction.order_id for instruction in taken], placed)

    def test_availability_goes_on_with_what_changed(self):
        ask = inventory_service_pb2.WatchAvailabilityRequest(skus=["TEA"])
        stream = kit.Taken(self.engine.inventory.WatchAvailability(ask, metadata=kit.WEB))
        known = stream.wait(lambda messages: any(m.WhichOneof("change") == "snapshot_complete" for m in messages))
        self.assertEqual([m.availability.node.available for m in known if m.HasField("availability")], [10])
        self.engine.crash()
        stream.wait_broken()
        kit.receive(self.engine, "more", 5)
        ask.resume_token = known[-1].resume_token
        stream = kit.Taken(self.engine.inventory.WatchAvailability(ask, metadata=kit.WEB))
        change = stream.wait(lambda messages: messages)[0]
        stream.cancel()
        self.assertEqual(change.availability.node.available, 15)


class Refusals(unittest.TestCase):
    """What a refusal tells a program."""

    @classmethod
    def setUpClass(cls):
        cls.engine = kit.Engine()
        cls.addClassCleanup(cls.engine.close)
        kit.open_retailer(cls.engine)

    def refused(self, request, code):
        with self.assertRaises(grpc.RpcError) as raised:
            self.engine.orders.PlaceOrder(request, metadata=kit.WEB, timeout=kit.PATIENCE)
        self.assertEqual(raised.exception.code(), code, raised.exception.details())
        info, fields, _ = kit.details(raised.exception)
        self.assertEqual(info.domain, "waybill")
        return info, fields

    def test_a_malformed_order_names_every_field_at_fault(self):
        request = kit.order("PY-BAD")
        request.request_id = ""
        request.lines[0].quantity = -3
        request.lines[0].amounts.total.currency_code = "euro"
        info, fields = self.refused(request, grpc.StatusCode.INVALID_ARGUMENT)
        self.assertEqual(info.reason, "INVALID_REQUEST")
        expected = {"request_id", "lines[0].quantity", "lines[0].amounts.total.currency_code"}
        self.assertEqual(expected - fields.keys(), set(), fields)

    def test_a_known_number_with_other_content_names_the_field(self):
        self.engine.orders.PlaceOrder(kit.order("PY-TWICE"), metadata=kit.WEB, timeout=kit.PATIENCE)
        info, _ = self.refused(kit.order("PY-TWICE", quantity=2), grpc.StatusCode.ALREADY_EXISTS)
        self.assertIn("lines", info.metadata["field"])

    def test_a_shortage_tells_that_nothing_was_done(self):
        info, _ = self.refused(kit.order("PY-MUCH", quantity=999), grpc.StatusCode.FAILED_PRECONDITION)
        self.assertTrue(info.reason.isupper(), info)
        find = orders_service_pb2.FindOrdersRequest(external_order_number="PY-MUCH")
        found = self.engine.orders.FindOrders(find, metadata=kit.CALL_CENTER, timeout=kit.PATIENCE).orders
        self.assertEqual([found.status for found in found if found.status != order_pb2.ORDER_STATUS_REFUSED], [])

    def test_an_unknown_order_is_not_found(self):
        with self.assertRaises(grpc.RpcError) as raised:
            self.engine.orders.GetOrder(orders_service_pb2.GetOrderRequest(order_id="W00-999"), timeout=kit.PATIENCE)
        self.assertEqual(raised.exception.code(), grpc.StatusCode.NOT_FOUND)
        info, _, _ = kit.details(raised.exception)
        self.assertEqual((info.reason, info.metadata["order_id"]), ("ORDER_UNKNOWN", "W00-999"))


if __name__ == "__main__":
    unittest.main()
