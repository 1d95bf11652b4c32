"""Four kinds of clients work one order together, from its promise to its last refund: a storefront, a call center, the
tills of two stores, and warehouses. Each has its own connection; connections break, and the engine is killed."""

import json
import threading
import unittest
from concurrent import futures

import grpc

import clients
import engine as kit
import retailer
from waybill.customers.v1 import customer_pb2, customers_service_pb2
from waybill.fulfillment.v1 import fulfillment_order_pb2
from waybill.inventory.v1 import inventory_service_pb2, reservation_pb2
from waybill.orders.v1 import (
    amendment_pb2,
    order_pb2,
    order_policy_pb2,
    orders_service_pb2,
    return_pb2,
)

TEA, CUP, COFFEE, BOWL = 1, 2, 3, 4
JOURNEY = "journey-ada"
POTSDAM = retailer.address("Neue Straße 9", "Potsdam", "14467")


class OneOrder(unittest.TestCase):
    """The steps stand in the order in which they happen; the test below reads as their story."""

    def setUp(self):
        self.engine = kit.Engine()
        self.addCleanup(self.engine.close)
        retailer.open_retailer(self.engine)
        self.storefront = clients.Storefront(self.engine)
        self.agent = clients.CallCenter(self.engine)
        self.supervisor = clients.CallCenter(self.engine, actor="supervisor-2", role="operator")
        self.city, self.harbour = clients.Till(self.engine, "city"), clients.Till(self.engine, "harbour")
        self.north, self.south = clients.Warehouse(self.engine, "north"), clients.Warehouse(self.engine, "south")
        self.counter = clients.Warehouse(self.engine, "harbour")
        self.operator = clients.Operator(self.engine)
        self.everybody = [
            self.storefront,
            self.agent,
            self.supervisor,
            self.city,
            self.harbour,
            self.north,
            self.south,
            self.counter,
            self.operator,
        ]
        for client in self.everybody:
            # What it is connected to by then.
            self.addCleanup(lambda client=client: client.close())

    def test_four_clients_take_one_order_from_its_promise_to_its_last_refund(self):
        self.the_storefront_promises_holds_and_places()
        self.the_warehouse_is_told_and_accepts()
        self.the_agent_finds_it_by_phone_and_stops_it()
        self.what_the_hold_stops_is_refused_until_it_is_resolved()
        self.the_agent_changes_lines_and_address_while_connections_are_down()
        self.the_coffee_is_fetched_instead()
        self.a_price_waits_for_the_supervisor()
        self.what_cannot_be_served_changes_nothing()
        self.the_warehouse_does_not_find_two_teas_and_another_one_is_asked()
        self.the_engine_is_killed_and_everybody_goes_on()
        self.the_till_cancels_the_rest_and_the_warehouse_puts_one_back()
        self.everything_that_left_arrives()
        self.the_till_takes_a_tea_back_by_its_receipt()
        self.the_till_exchanges_a_tea_for_a_bowl()
        self.of_a_return_and_an_exchange_of_one_cup_one_wins()
        self.who_it_is_shows_only_to_whom_it_may()
        self.the_timeline_tells_it_all_without_gap_or_double()
        self.every_law_holds()

    # What the steps share.

    def order(self):
        return self.agent.order(self.order_id)

    def when(self, fits):
        """The order, once `fits` says so of it. Every change of an order is on its stream, so nothing is missed."""
        stream = self.agent.listen(
            self.agent.orders.WatchOrder, orders_service_pb2.WatchOrderRequest(order_id=self.order_id)
        )
        try:
            stream.wait(lambda messages: messages and fits(self.order()))
        finally:
            stream.cancel()
        return self.order()

    def buckets(self, order, line_number):
        """The buckets of a line that hold units."""
        buckets = order.lines[line_number - 1].buckets
        return {field.name: units for field, units in buckets.ListFields()}

    def refused(self, code, reason, call, *arguments, **named):
        """The facts of a refusal, which left the order as it was."""
        before = self.order()
        with self.assertRaises(grpc.RpcError) as raised:
            call(*arguments, **named)
        self.assertEqual(raised.exception.code(), code, raised.exception.details())
        info, _, _ = kit.details(raised.exception)
        self.assertEqual((info.domain, info.reason), ("waybill", reason), raised.exception.details())
        after = self.order()
        self.assertEqual(list(after.lines), list(before.lines))
        self.assertEqual(after.amounts, before.amounts)
        return info.metadata

    # The steps.

    def the_storefront_promises_holds_and_places(self):
        wanted = [("TEA", 3), ("CUP", 2)]
        plan = self.storefront.promise(wanted, JOURNEY).plan
        self.assertEqual({part.node_id for part in plan.assignments}, {"north"})
        self.assertEqual(plan.total_cost, plan.lower_bound)
        held = self.storefront.hold(wanted, plan, JOURNEY)
        self.assertEqual(held.state, reservation_pb2.RESERVATION_STATE_HELD)

        request = retailer.order(held.reservation_id, JOURNEY)
        placed = self.storefront.write(self.storefront.orders.PlaceOrder, request)
        self.assertEqual(placed.outcome, orders_service_pb2.PLACE_OUTCOME_CONFIRMED)
        self.assertEqual([line.reserved for line in placed.lines], [3, 2])
        self.assertLessEqual(kit.seconds(plan.promise.earliest), kit.seconds(placed.promise.latest))
        self.order_id = placed.order_id
        self.storefront.watch(self.order_id)
        seen = self.storefront.see(lambda message: message.status == order_pb2.ORDER_STATUS_RELEASED)
        self.assertEqual(seen[0].WhichOneof("update"), "order")

    def the_warehouse_is_told_and_accepts(self):
        for desk in (self.north, self.south, self.counter):
            desk.subscribe()
        told = self.north.take()
        self.assertEqual((told.kind, told.order_id), (fulfillment_order_pb2.PICK_INSTRUCTION_KIND_PICK, self.order_id))
        lines = [(line.sku, line.item_name, line.quantity) for line in told.lines]
        self.assertEqual(lines, [("TEA", "Tea", 3), ("CUP", "Cup", 2)])
        self.assertEqual(told.ship_to.address.city, "Berlin")
        self.north.report("AcceptFulfillmentOrder")

    def the_agent_finds_it_by_phone_and_stops_it(self):
        (found,) = self.agent.find(phone="+49 30 5550-100")
        self.assertEqual((found.order_id, found.customer_name), (self.order_id, "Ada Example"))
        self.assertEqual(found.total, kit.eur(7687))
        self.hold = self.agent.stop(self.order_id, "fraud", "another order from there was paid with a stolen card")
        (hold,) = self.order().holds
        self.assertEqual((hold.hold_type, hold.resolved), ("fraud", False))

    def what_the_hold_stops_is_refused_until_it_is_resolved(self):
        facts = self.refused(
            grpc.StatusCode.FAILED_PRECONDITION,
            "ORDER_ON_HOLD",
            self.agent.amend,
            self.order_id,
            retailer.fetched_at("harbour", TEA),
        )
        self.assertEqual((facts["hold_type"], facts["order_id"]), ("fraud", self.order_id))
        self.agent.let_go_on(self.order_id, self.hold, "the bank says it is her card")
        self.assertTrue(self.order().holds[0].resolved)

    def the_agent_changes_lines_and_address_while_connections_are_down(self):
        self.storefront.drop()
        self.north.drop()
        changes = [
            retailer.more(TEA, 5, "TEA", 2),
            retailer.another("COFFEE", 1),
            retailer.instead(CUP, "BOWL", 1),
            retailer.to(POTSDAM),
        ]
        order = self.order()
        preview = self.agent.preview(order, *changes)
        self.assertTrue(preview.allowed and not preview.needs_approval, preview)
        # 2 teas, a coffee and a bowl come, and a cup goes, which carried its part of shipping and discount.
        total = 7687 + 3998 + 1249 + 750 - 779
        self.assertEqual((preview.total_before, preview.total), (kit.eur(7687), kit.eur(total)))
        self.assertEqual(preview.extra_authorization, kit.eur(5218))
        self.assertEqual(list(preview.recalled_fulfillment_order_ids), [self.north.work[0]])
        self.assertEqual(self.order().revision, order.revision, "a preview changes nothing")
        done = self.agent.amend(self.order_id, *changes, reason="she called")
        self.assertEqual(done.state, amendment_pb2.AMENDMENT_STATE_APPLIED)

        self.north.connect(self.engine.address)
        self.north.subscribe()
        off = self.north.next()
        self.assertEqual(off.kind, fulfillment_order_pb2.PICK_INSTRUCTION_KIND_CANCEL)
        self.assertEqual((off.fulfillment_order_id, off.number), (self.north.work[0], 2))
        told = self.north.take()
        lines = {line.sku: line.quantity for line in told.lines}
        self.assertEqual(lines, {"TEA": 5, "CUP": 1, "COFFEE": 1, "BOWL": 1})
        self.assertEqual(told.ship_to.address.city, "Potsdam")
        self.storefront.connect(self.engine.address)
        self.storefront.watch(self.order_id)

    def the_coffee_is_fetched_instead(self):
        done = self.agent.amend(self.order_id, retailer.fetched_at("harbour", COFFEE), reason="she is near anyway")
        self.assertEqual(done.state, amendment_pb2.AMENDMENT_STATE_APPLIED)
        told = self.north.take()
        self.assertEqual(told.kind, fulfillment_order_pb2.PICK_INSTRUCTION_KIND_AMEND)
        self.assertEqual([line.sku for line in told.lines], ["TEA", "CUP", "BOWL"])
        told = self.counter.take()
        self.assertEqual((told.lines[0].sku, told.pickup.contact.phone), ("COFFEE", retailer.PHONE))

    def a_price_waits_for_the_supervisor(self):
        asked = self.storefront.amend(self.order_id, retailer.priced(BOWL, "BOWL", 1, 600), reason="seen for 6.00")
        self.assertEqual(asked.waits_for, amendment_pb2.AMENDMENT_WAIT_APPROVAL)
        decision = (self.order_id, asked.amendment, True, "price matched")
        facts = self.refused(grpc.StatusCode.PERMISSION_DENIED, "NOT_ALLOWED", self.agent.decide, *decision)
        self.assertEqual(dict(facts), {})
        self.assertEqual(self.order().totals.due, kit.eur(12905), "nothing is changed before somebody says yes")
        done = self.supervisor.decide(*decision)
        self.assertEqual(done.state, amendment_pb2.AMENDMENT_STATE_APPLIED)
        self.assertEqual(self.order().totals.due, kit.eur(12755))

    def what_cannot_be_served_changes_nothing(self):
        before = self.order()
        changes = (retailer.more(TEA, 400, "TEA", 395), retailer.priced(BOWL, "BOWL", 1, 500))
        done = self.agent.amend(self.order_id, *changes)
        self.assertEqual((done.state, done.refusal), (amendment_pb2.AMENDMENT_STATE_REFUSED, "unserved"))
        (units,) = done.refused_units
        self.assertEqual((units.line_number, units.quantity), (TEA, 395 - 35), "35 of 40 are nobody's yet")
        after = self.order()
        self.assertEqual((list(after.lines), after.totals), (list(before.lines), before.totals))

        stale = retailer.amendment(before, retailer.more(TEA, 6, "TEA", 1))
        facts = self.refused(
            grpc.StatusCode.ABORTED,
            "STALE_REVISION",
            self.storefront.write,
            self.storefront.amendments.AmendOrder,
            stale,
        )
        self.assertEqual(facts["expected"], str(before.revision))
        happened = [change["event"] for change in json.loads(facts["changes"])]
        self.assertIn("AmendmentRefused", happened)

    def the_warehouse_does_not_find_two_teas_and_another_one_is_asked(self):
        picked = self.north.pick(TEA=2)
        self.assertEqual(picked.state, fulfillment_order_pb2.FULFILLMENT_ORDER_STATE_PICKED)
        told = self.south.take()
        self.assertEqual([(line.sku, line.quantity) for line in told.lines], [("TEA", 2)])
        facts = self.refused(
            grpc.StatusCode.FAILED_PRECONDITION,
            "CHANGE_FORBIDDEN",
            self.agent.amend,
            self.order_id,
            retailer.to(POTSDAM),
        )
        self.assertEqual((facts["stage"], facts["note"]), ("picked", "in hand or gone"))
        sent = self.north.send("N-1")
        self.assertEqual(sent.state, fulfillment_order_pb2.FULFILLMENT_ORDER_STATE_SHIPPED)
        order = self.when(lambda order: order.status == order_pb2.ORDER_STATUS_PARTIALLY_SHIPPED)
        self.assertEqual(self.buckets(order, TEA), {"shipped": 3, "released": 2})
        self.south.pick()
        self.when(lambda order: self.buckets(order, TEA) == {"shipped": 3, "picked": 2})

    def the_engine_is_killed_and_everybody_goes_on(self):
        for client in (self.storefront, self.north, self.south, self.counter):
            client.drop()
        for client in (self.agent, self.supervisor, self.city, self.harbour, self.operator):
            client.close()
        self.engine.crash()
        for client in self.everybody:
            client.connect(self.engine.address)
        for desk in (self.north, self.south, self.counter):
            desk.subscribe()
        self.storefront.watch(self.order_id)
        self.assertEqual(self.buckets(self.order(), TEA), {"shipped": 3, "picked": 2})

    def the_till_cancels_the_rest_and_the_warehouse_puts_one_back(self):
        with futures.ThreadPoolExecutor() as pool:
            # The till waits for what the warehouse says.
            waiting = pool.submit(self.city.cancel, self.order_id, "she is in the shop and wants no more")
            asked = self.south.take()
            self.assertEqual(asked.kind, fulfillment_order_pb2.PICK_INSTRUCTION_KIND_CANCEL_REQUESTED)
            self.assertEqual([(line.line_number, line.quantity) for line in asked.lines], [(TEA, 2)])
            one = fulfillment_order_pb2.ParcelContent(line_number=TEA, quantity=1)
            self.south.report("AnswerCancel", stopped=[one])
            done = waiting.result(kit.PATIENCE)
        became = {line.line_number: line for line in done.lines}
        self.assertEqual(became[COFFEE].outcome, orders_service_pb2.CANCEL_LINE_OUTCOME_CANCELLED)
        self.assertEqual((became[TEA].cancelled, became[TEA].cancel_requested), (1, 0))
        self.assertEqual(became[TEA].outcome, orders_service_pb2.CANCEL_LINE_OUTCOME_PARTIALLY_CANCELLED)
        self.assertEqual(self.counter.next().kind, fulfillment_order_pb2.PICK_INSTRUCTION_KIND_CANCEL)
        self.south.send("S-1")
        order = self.when(lambda order: order.status == order_pb2.ORDER_STATUS_SHIPPED)
        self.assertEqual(self.buckets(order, TEA), {"shipped": 4, "cancelled": 1})
        self.assertEqual(order.totals.due, kit.eur(12755 - 1249 - 1999))

    def everything_that_left_arrives(self):
        for desk in (self.north, self.south):
            desk.report("ConfirmDelivery")
        self.when(lambda order: order.status == order_pb2.ORDER_STATUS_DELIVERED)

    def the_till_takes_a_tea_back_by_its_receipt(self):
        found = self.city.by_receipt(retailer.NUMBER)
        self.assertEqual(found.order_id, self.order_id)
        worth = {line.line_number: line for line in found.lines}
        self.assertEqual({number: line.returnable for number, line in worth.items()}, {TEA: 4, CUP: 1, BOWL: 1})
        # 19.99 less its part of 1.00 off the line and of 2.00 off the order, with its part of 4.90 for shipping: a third of
        # 61.29. One that was added by phone carries 19.99.
        self.assertEqual((worth[TEA].next_unit, worth[TEA].all_units), (kit.eur(2043), kit.eur(6129 + 1999)))
        taken = self.city.take_back(self.order_id, TEA, "too strong")
        self.assertEqual(taken.refund, kit.eur(2043))
        back = getattr(taken, "return")
        self.assertEqual((back.state, back.refunded), (return_pb2.RETURN_STATE_SETTLED, kit.eur(2043)))
        self.wait_for_stock("TEA", "city", 1)

    def wait_for_stock(self, sku, node_id, available):
        """Until so many can be sold at the node; orders tells inventory a moment later."""
        request = inventory_service_pb2.WatchAvailabilityRequest(skus=[sku])
        stream = self.city.listen(self.city.inventory.WatchAvailability, request)
        fits = lambda node: (node.node_id, node.available) == (node_id, available)
        stream.wait(lambda messages: any(fits(message.availability.node) for message in messages))
        stream.cancel()

    def the_till_exchanges_a_tea_for_a_bowl(self):
        uneven = (self.order_id, TEA, "too strong", [retailer.line("BOWL", 1)])
        facts = self.refused(
            grpc.StatusCode.FAILED_PRECONDITION, "EXCHANGE_UNEVEN", self.harbour.take_back, *uneven
        )
        self.assertEqual(dict(facts), {"returned": "2043", "replacements": "750"})
        taken = self.harbour.take_back(self.order_id, TEA, "too strong", [retailer.line("BOWL", 1, price=2043)])
        self.assertTrue(getattr(taken, "return").exchange)
        self.assertEqual(taken.refund.minor_units, 0)
        self.send_the_replacement("N-2")

    def send_the_replacement(self, tracking_number):
        self.north.take()
        self.north.pick()
        self.north.send(tracking_number)
        self.north.report("ConfirmDelivery")
        self.when(lambda order: order.status == order_pb2.ORDER_STATUS_DELIVERED)

    def of_a_return_and_an_exchange_of_one_cup_one_wins(self):
        outcomes = {}
        together = threading.Barrier(2)

        def at(till, *arguments):
            together.wait(kit.PATIENCE)
            try:
                outcomes[till] = till.take_back(self.order_id, CUP, "chipped", *arguments)
            except grpc.RpcError as error:
                outcomes[till] = error

        tills = [
            threading.Thread(target=at, args=(self.city,)),
            threading.Thread(target=at, args=(self.harbour, [retailer.line("BOWL", 1, price=779)])),
        ]
        for till in tills:
            till.start()
        for till in tills:
            till.join()
        (lost,) = [outcome for outcome in outcomes.values() if isinstance(outcome, grpc.RpcError)]
        info, _, _ = kit.details(lost)
        self.assertEqual((info.reason, info.metadata["returnable"]), ("NOT_RETURNABLE", "0"))
        self.exchanged = outcomes[self.city] is lost
        if self.exchanged:
            self.send_the_replacement("N-3")
        order = self.order()
        self.assertEqual(self.buckets(order, CUP), {"returned": 1, "cancelled": 1})
        self.assertEqual(len(order.returns), 3)
        refunded = 2043 if self.exchanged else 2043 + 779
        self.assertEqual(order.totals.refunded, kit.eur(refunded))
        self.assertEqual(order.totals.due, kit.eur(12755 - 1249 - 1999 - refunded))

    def who_it_is_shows_only_to_whom_it_may(self):
        identity = customer_pb2.IdentityValue(kind=customer_pb2.IDENTITY_KIND_PHONE, value=retailer.PHONE)
        view = customers_service_pb2.GetCustomerViewRequest(identity=identity)
        orders = customers_service_pb2.ListCustomerOrdersRequest(identity=identity)
        for client, name in ((self.harbour, "Ada Example"), (self.north, "")):
            seen = client.read(client.customers.GetCustomerView, view)
            self.assertEqual(seen.customer.profile.name, name)
            self.assertEqual([value.value for value in seen.customer.identities if name == "" and value.value], [])
            self.assertEqual((seen.figures.order_count, seen.figures.returned_order_count), (1, 1))
            (listed,) = client.read(client.customers.ListCustomerOrders, orders).orders
            self.assertEqual((listed.order_id, listed.customer_name), (self.order_id, name))
        self.assertFalse(self.north.order(self.order_id).HasField("contact"))

    def the_timeline_tells_it_all_without_gap_or_double(self):
        order = self.order()
        entries = self.agent.timeline(self.order_id)
        self.assertEqual([entry.number for entry in entries], list(range(1, order.revision + 1)))
        seen = self.storefront.see(lambda message: message.revision == order.revision)
        first, *rest = [message.WhichOneof("update") for message in seen]
        self.assertEqual((first, set(rest)), ("order", {"entry"}))
        told = [message.entry for message in seen[1:]]
        self.assertEqual(told, entries[seen[0].revision :], "the stream that broke twice is the timeline")

        story = [
            ("OrderPlaced", "web", "storefront", ""),
            ("OrderHoldPlaced", "call_center", "agent-7", ""),
            ("OrderHoldResolved", "call_center", "agent-7", ""),
            ("AmendmentStarted", "call_center", "agent-7", "she called"),
            ("AmendmentStarted", "call_center", "agent-7", "she is near anyway"),
            ("AmendmentStarted", "web", "storefront", "seen for 6.00"),
            ("AmendmentApproved", "call_center", "supervisor-2", "price matched"),
            ("AmendmentRefused", "", "", ""),
            ("RecallAsked", "store", "till-city", "she is in the shop and wants no more"),
            ("ReturnReceived", "store", "till-city", ""),
            ("ReplacementsJoined", "store", "till-harbour", ""),
            ("ReturnReceived", "store", "till-harbour" if self.exchanged else "till-city", ""),
        ]
        happened = iter([(entry.event_type, entry.channel, entry.actor, entry.reason) for entry in entries])
        for part in story:
            self.assertIn(part, happened, "in this order")
        for entry in entries:
            self.assertTrue(entry.summary and entry.HasField("event_time"), entry)
            self.assertNotIn("Ada", str(entry))

    def every_law_holds(self):
        self.assertEqual(self.operator.violations(), [])
        # What was sent and what was not found is gone, what was cancelled is not, and nothing is kept for anybody.
        for sku, node_id, sellable in (("TEA", "north", 20 - 3 - 2), ("TEA", "south", 20 - 1), ("COFFEE", "harbour", 5)):
            position = self.position(sku, node_id)
            self.assertEqual((sku, node_id, position.sellable, position.reserved), (sku, node_id, sellable, 0))

    def position(self, sku, node_id):
        request = inventory_service_pb2.GetPositionRequest(sku=sku, node_id=node_id)
        return self.operator.read(self.operator.inventory.GetPosition, request).position


if __name__ == "__main__":
    unittest.main()
