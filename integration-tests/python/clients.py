"""The clients of one retailer, as others would write them: a storefront, a call center, tills and warehouses. Each has
its own connection and says who it is with every call. They know the contracts and nothing of the engine."""

import itertools

import grpc

import engine as kit
from waybill.common.v1 import admin_service_pb2, admin_service_pb2_grpc
from waybill.customers.v1 import customers_service_pb2_grpc
from waybill.fulfillment.v1 import (
    fulfillment_order_pb2,
    fulfillment_service_pb2,
    fulfillment_service_pb2_grpc,
    plan_pb2,
)
from waybill.inventory.v1 import inventory_service_pb2, inventory_service_pb2_grpc, reservation_pb2
from waybill.orders.v1 import (
    amendments_service_pb2,
    amendments_service_pb2_grpc,
    order_hold_pb2,
    orders_service_pb2,
    orders_service_pb2_grpc,
    return_pb2,
    returns_service_pb2,
    returns_service_pb2_grpc,
)


class Client:
    """A connection of its own, and who calls over it: channel, actor and role."""

    def __init__(self, engine, channel, actor, role):
        self.actor = actor
        self.metadata = [("waybill-channel", channel), ("waybill-actor", actor), ("waybill-role", role)]
        self._numbers = itertools.count(1)
        self.connect(engine.address)

    def connect(self, address):
        self.connection = kit.channel(address)
        self.orders = orders_service_pb2_grpc.OrdersServiceStub(self.connection)
        self.amendments = amendments_service_pb2_grpc.AmendmentsServiceStub(self.connection)
        self.returns = returns_service_pb2_grpc.ReturnsServiceStub(self.connection)
        self.customers = customers_service_pb2_grpc.CustomersServiceStub(self.connection)
        self.inventory = inventory_service_pb2_grpc.InventoryServiceStub(self.connection)
        self.fulfillment = fulfillment_service_pb2_grpc.FulfillmentServiceStub(self.connection)
        self.admin = admin_service_pb2_grpc.AdminServiceStub(self.connection)

    def close(self):
        self.connection.close()

    def read(self, call, request):
        """A call that changes nothing."""
        return call(request, metadata=self.metadata, timeout=kit.PATIENCE)

    def write(self, call, request):
        """A call that changes something, under an id of its own. It is sent twice, as if the first answer had been
        lost: that must make no difference."""
        request.request_id = f"{self.actor}-{next(self._numbers)}"
        answer = call(request, metadata=self.metadata, timeout=kit.PATIENCE)
        call(request, metadata=self.metadata, timeout=kit.PATIENCE)
        return answer

    def listen(self, call, request):
        """A stream, taken in the background."""
        return kit.Taken(call(request, metadata=self.metadata))

    def order(self, order_id):
        return self.read(self.orders.GetOrder, orders_service_pb2.GetOrderRequest(order_id=order_id)).order

    def amend(self, order_id, *changes, reason=""):
        """Changes an order as it is now. Others work on it meanwhile: when it changed since it was read, it is read
        again."""
        for attempt in range(20):
            request = amendments_service_pb2.AmendOrderRequest(
                order_id=order_id,
                expected_revision=self.order(order_id).revision,
                changes=changes,
                reason=reason,
                wait_ms=kit.PATIENCE * 1000,
            )
            try:
                return self.write(self.amendments.AmendOrder, request).amendment
            except grpc.RpcError as error:
                if error.code() != grpc.StatusCode.ABORTED or attempt == 19:
                    raise


class Storefront(Client):
    """Where customers buy."""

    def __init__(self, engine):
        super().__init__(engine, "web", "storefront", "channel")
        self.seen = []
        self._before = []
        self._watch = None

    def promise(self, wanted, journey):
        lines = [
            plan_pb2.BasketLine(
                line_number=number,
                sku=sku,
                quantity=quantity,
                delivery_method=plan_pb2.DELIVERY_METHOD_SHIP_HOME,
            )
            for number, (sku, quantity) in enumerate(wanted, 1)
        ]
        destination = plan_pb2.Destination(country_code="DE", postal_code="10115")
        request = fulfillment_service_pb2.PromiseRequest(
            basket=plan_pb2.Basket(lines=lines, destination=destination), journey_id=journey
        )
        return self.read(self.fulfillment.Promise, request).options[0]

    def hold(self, wanted, plan, journey):
        skus = [sku for sku, _ in wanted]
        lines = [
            reservation_pb2.StockQuantity(
                sku=skus[part.line_number - 1], node_id=part.node_id, quantity=part.quantity
            )
            for part in plan.assignments
        ]
        request = inventory_service_pb2.ReserveStockRequest(lines=lines, ttl_ms=900_000, journey_id=journey)
        return self.write(self.inventory.ReserveStock, request).reservation

    def watch(self, order_id):
        """Follows the order, from where it was left if it was followed before."""
        token = self.seen[-1].resume_token if self.seen else ""
        request = orders_service_pb2.WatchOrderRequest(order_id=order_id, resume_token=token)
        self._before = self.seen
        self._watch = self.listen(self.orders.WatchOrder, request)

    def see(self, fits):
        """Waits until the last message fits; everything that came is kept, in the order it came."""
        taken = self._watch.wait(lambda messages: messages and fits(messages[-1]))
        self.seen = self._before + taken
        return self.seen

    def drop(self):
        """The connection breaks; what had come by then is kept."""
        self.close()
        self._watch.wait_broken()
        self.seen = self._before + self._watch.messages


class CallCenter(Client):
    """Whom customers call. An agent is a channel; whoever says yes to exceptions is an operator."""

    def __init__(self, engine, actor="agent-7", role="channel"):
        super().__init__(engine, "call_center", actor, role)

    def find(self, **by):
        return self.read(self.orders.FindOrders, orders_service_pb2.FindOrdersRequest(**by)).orders

    def timeline(self, order_id):
        """All of it, page by page."""
        request = orders_service_pb2.GetTimelineRequest(order_id=order_id, page_size=25)
        entries = []
        while True:
            page = self.read(self.orders.GetTimeline, request)
            entries.extend(page.entries)
            if not page.next_page_token:
                return entries
            request.page_token = page.next_page_token

    def preview(self, order, *changes):
        request = amendments_service_pb2.PreviewAmendmentRequest(
            order_id=order.order_id, expected_revision=order.revision, changes=changes
        )
        return self.read(self.amendments.PreviewAmendment, request)

    def decide(self, order_id, amendment, approve, reason):
        request = amendments_service_pb2.DecideAmendmentRequest(
            order_id=order_id, amendment=amendment, approve=approve, reason=reason, wait_ms=kit.PATIENCE * 1000
        )
        return self.write(self.amendments.DecideAmendment, request).amendment

    def stop(self, order_id, hold_type, note):
        request = order_hold_pb2.PlaceOrderHoldRequest(order_id=order_id, hold_type=hold_type, note=note)
        return self.write(self.orders.PlaceOrderHold, request).hold

    def let_go_on(self, order_id, hold, note):
        request = order_hold_pb2.ResolveOrderHoldRequest(order_id=order_id, hold=hold, note=note)
        return self.write(self.orders.ResolveOrderHold, request)


class Till(Client):
    """A till in a store, which takes goods back wherever they were bought."""

    def __init__(self, engine, node_id):
        super().__init__(engine, "store", f"till-{node_id}", "channel")
        self.node_id = node_id

    def cancel(self, order_id, reason):
        request = orders_service_pb2.CancelOrderRequest(
            order_id=order_id, reason=reason, wait_ms=kit.PATIENCE * 1000
        )
        return self.write(self.orders.CancelOrder, request)

    def by_receipt(self, number):
        """The order of a receipt, with what of it can come back."""
        request = returns_service_pb2.FindReturnableRequest(receipt=number)
        (found,) = self.read(self.returns.FindReturnable, request).orders
        return found

    def take_back(self, order_id, line_number, why, replacements=()):
        """One unit of a line, over the counter; against other goods for an exchange."""
        request = returns_service_pb2.CreateReturnRequest(
            order_id=order_id,
            lines=[returns_service_pb2.ReturnUnits(line_number=line_number, quantity=1, why=why)],
            replacements=replacements,
            node_id=self.node_id,
            received=[
                returns_service_pb2.ReceivedUnits(
                    line_number=line_number, quantity=1, disposition=return_pb2.DISPOSITION_SELLABLE
                )
            ],
        )
        return self.write(self.returns.CreateReturn, request)


class Warehouse(Client):
    """The desk of a node: takes instructions in order and reports what was done."""

    def __init__(self, engine, node_id):
        super().__init__(engine, "wms", f"desk-{node_id}", "node")
        self.node_id = node_id
        self.instructions = []
        self.work = None
        self._stream = None
        self._taken = 0

    def subscribe(self):
        """Takes instructions, after the last one that came."""
        request = fulfillment_service_pb2.SubscribeInstructionsRequest(
            node_id=self.node_id, after_number=len(self.instructions)
        )
        self._stream = self.listen(self.fulfillment.SubscribeInstructions, request)
        self._taken = 0

    def drop(self):
        """The connection breaks."""
        self.close()
        self._stream.wait_broken()

    def next(self):
        """The next instruction, acknowledged. Numbers have no gap and none comes twice."""
        self._taken += 1
        message = self._stream.wait(lambda messages: len(messages) >= self._taken)[self._taken - 1]
        instruction = message.instruction
        if instruction.number != len(self.instructions) + 1:
            raise AssertionError(f"{instruction.number} follows {len(self.instructions)}")
        self.instructions.append(instruction)
        request = fulfillment_service_pb2.AcknowledgeInstructionsRequest(
            node_id=self.node_id, through_number=instruction.number
        )
        self.write(self.fulfillment.AcknowledgeInstructions, request)
        return instruction

    def take(self):
        """The next instruction becomes the work at hand."""
        instruction = self.next()
        self.work = (instruction.fulfillment_order_id, instruction.revision)
        return instruction

    def report(self, name, **more):
        """One report about the work at hand; answers with the work afterwards."""
        fulfillment_order_id, revision = self.work
        message = getattr(fulfillment_service_pb2, f"{name}Request")
        request = message(fulfillment_order_id=fulfillment_order_id, revision=revision, **more)
        work = self.write(getattr(self.fulfillment, name), request).fulfillment_order
        self.work = (work.fulfillment_order_id, work.revision)
        return work

    def pick(self, **short):
        """Accepts, starts and picks all lines. `short` says how many units of an item are not found."""
        for step in ("AcceptFulfillmentOrder", "StartPicking"):
            work = self.report(step)
        lines = []
        for line in work.lines:
            missing = short.get(line.sku, 0)
            lines.append(
                fulfillment_service_pb2.PickedLine(
                    line_number=line.line_number,
                    picked_quantity=line.quantity - missing,
                    short_quantity=missing,
                    short_reason=fulfillment_service_pb2.SHORT_REASON_NOT_FOUND if missing else 0,
                )
            )
        return self.report("ConfirmPick", lines=lines)

    def send(self, tracking_number):
        """Packs what was picked, each line in a parcel of its own, and hands it to the carrier."""
        request = fulfillment_service_pb2.GetFulfillmentOrderRequest(fulfillment_order_id=self.work[0])
        work = self.read(self.fulfillment.GetFulfillmentOrder, request).fulfillment_order
        parcels = [
            fulfillment_order_pb2.Parcel(
                parcel_id=f"box-{line.line_number}",
                contents=[fulfillment_order_pb2.ParcelContent(line_number=line.line_number, quantity=line.picked)],
            )
            for line in work.lines
            if line.picked
        ]
        self.report("Pack", parcels=parcels)
        return self.report("Ship", carrier="post", tracking_number=tracking_number)


class Operator(Client):
    """Who runs the engine."""

    def __init__(self, engine):
        super().__init__(engine, "api", "operator", "operator")

    def violations(self):
        """What the audit of every law finds, after checking how much; empty when all laws hold."""
        steps = self.read(self.admin.Audit, admin_service_pb2.AuditRequest())
        reports = [step.report for step in steps if step.HasField("report")]
        if not any(report.checked_count for report in reports):
            raise AssertionError("the audit checked nothing")
        return [violation for report in reports for violation in report.violations]
