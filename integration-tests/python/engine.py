"""An engine as a process on port 0, a small retailer on it, and what the tests of the Python client share."""

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import tempfile
import threading
import time
import uuid

import grpc
from google.protobuf import timestamp_pb2
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from waybill.common.v1 import cluster_service_pb2, cluster_service_pb2_grpc, money_pb2, place_pb2, row_pb2
from waybill.fulfillment.v1 import (
    fulfillment_service_pb2_grpc,
    network_pb2,
    network_service_pb2,
    network_service_pb2_grpc,
    promise_service_pb2_grpc,
    node_pb2,
)
from waybill.inventory.v1 import inventory_service_pb2, inventory_service_pb2_grpc, item_pb2
from waybill.orders.v1 import order_pb2, orders_service_pb2, orders_service_pb2_grpc, place_line_pb2

WEB = [("waybill-channel", "web"), ("waybill-actor", "python-test")]
CALL_CENTER = [("waybill-channel", "call_center"), ("waybill-actor", "agent-7")]
NODE = [("waybill-role", "node"), ("waybill-actor", "desk-1")]
# The longest that any single call or wait may take, in seconds.
PATIENCE = 30


# What cannot be answered now, or has an outcome that nobody knows, is UNAVAILABLE: gRPC sends it again as it was, with its
# request id. Nobody but the caller can: only the caller has the request.
RETRY = {
    "methodConfig": [
        {
            "name": [{}],
            "retryPolicy": {
                "maxAttempts": 5,
                "initialBackoff": "0.2s",
                "maxBackoff": "2s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ]
}


def channel(address):
    """A channel to one address, or to several separated by commas, each call to the next of them."""
    several = "," in address
    options = [("grpc.service_config", json.dumps(RETRY))]
    if several:
        # Several addresses together are no name of a host, which every request carries.
        options += [("grpc.default_authority", address.split(",")[0]), ("grpc.lb_policy_name", "round_robin")]
    return grpc.insecure_channel(f"ipv4:{address}" if several else address, options=options)


def applied(address):
    """How far the copies of one process are."""
    with grpc.insecure_channel(address) as asked:
        stub = cluster_service_pb2_grpc.ClusterServiceStub(asked)
        cluster = stub.GetCluster(cluster_service_pb2.GetClusterRequest(), timeout=PATIENCE)
    return tuple(partition.applied_sequence for partition in cluster.partitions)


def until(holds):
    """Asks again until it is so."""
    give_up = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > give_up:
            raise TimeoutError("it did not become so")
        time.sleep(0.02)


class Engine:
    """`waybill serve` on a directory of its own; where WAYBILL_TEST_JOURNAL has the flags of a shared journal, three
    processes over it. `kill` is kill -9; `start` comes up on the same directories."""

    def __init__(self):
        self._dir = tempfile.TemporaryDirectory()
        home = pathlib.Path(self._dir.name)
        self._log = open(home / "log", "ab")
        shared = os.environ.get("WAYBILL_TEST_JOURNAL", "").split()
        if shared:
            # What another test left in the journal is another cluster's.
            shared += ["--journal-schema", f"t{uuid.uuid4().hex[:16]}"]
            self._flags = [
                ["--data-dir", str(home / name), "--name", name, *shared] for name in ("east-1", "east-2", "east-3")
            ]
        else:
            self._flags = [["--data-dir", str(home / "data")]]
        self._processes = []
        self.address = None
        self.channel = None
        self.start()

    def start(self):
        environment = {key: value for key, value in os.environ.items() if not key.startswith("WAYBILL_")}
        for flags in self._flags:
            command = [os.environ["WAYBILL_BIN"], "serve", *flags, "--listen", "127.0.0.1:0", "--no-metrics"]
            pipes = {"stdout": subprocess.PIPE, "stderr": self._log}
            self._processes.append(subprocess.Popen(command, env=environment, text=True, **pipes))
        self.connect(",".join(self._listens(process) for process in self._processes))

    def _listens(self, process):
        for line in process.stdout:
            if line.startswith("listening on "):
                return line.removeprefix("listening on ").strip()
        raise RuntimeError(f"the engine ended with {process.wait()}; see {self._log.name}")

    @contextlib.contextmanager
    def one_process(self):
        """All calls go to one process; at the end all processes have applied what it did. What one was told of items and
        nodes another knows a moment later."""
        everywhere = self.address
        self.connect(everywhere.split(",")[0])
        yield
        self.connect(everywhere)
        if "," in everywhere:
            until(lambda: len({applied(address) for address in everywhere.split(",")}) == 1)

    def connect(self, address):
        self.address = address
        self.channel = channel(address)
        self.orders = orders_service_pb2_grpc.OrdersServiceStub(self.channel)
        self.inventory = inventory_service_pb2_grpc.InventoryServiceStub(self.channel)
        self.promises = promise_service_pb2_grpc.PromiseServiceStub(self.channel)
        self.fulfillment = fulfillment_service_pb2_grpc.FulfillmentServiceStub(self.channel)
        self.network = network_service_pb2_grpc.NetworkServiceStub(self.channel)

    def kill(self):
        for process in self._processes:
            process.send_signal(signal.SIGKILL)
        for process in self._processes:
            process.wait()
            process.stdout.close()
        self._processes = []
        self.channel.close()

    def crash(self):
        self.kill()
        self.start()

    def close(self):
        self.kill()
        self._log.close()
        self._dir.cleanup()


def eur(minor_units):
    return money_pb2.Money(currency_code="EUR", minor_units=minor_units)


def open_retailer(engine, sku="TEA", stock=10):
    """One warehouse that ships to all of Germany, and one item."""
    with engine.one_process():
        _open(engine, sku, stock)


def _open(engine, sku, stock):

    def rows(answer):
        refused = [row for row in answer.results if row.outcome == row_pb2.ROW_OUTCOME_REFUSED]
        assert not refused, refused

    zone = network_pb2.Zone(zone_id="de", areas=[network_pb2.PostalArea(country_code="DE")])
    rows(engine.network.UpsertZones(network_service_pb2.UpsertZonesRequest(request_id="zones", zones=[zone])))
    node = node_pb2.Node(
        node_id="central",
        kind=node_pb2.NODE_KIND_CENTRAL_WAREHOUSE,
        time_zone="Europe/Berlin",
        handling_ms=3_600_000,
        handling_cost=eur(150),
        capabilities=node_pb2.NodeCapabilities(ships=True, pickup=True),
    )
    rows(engine.network.UpsertNodes(network_service_pb2.UpsertNodesRequest(request_id="nodes", nodes=[node])))
    lane = network_pb2.Lane(
        lane_id="central-de",
        from_node_id="central",
        to_zone_id="de",
        carrier_service="standard",
        cost=network_pb2.LaneCost(base=eur(450)),
        transit_days=2,
    )
    rows(engine.network.UpsertLanes(network_service_pb2.UpsertLanesRequest(request_id="lanes", lanes=[lane])))
    item = item_pb2.Item(sku=sku, name="Tea", unit=item_pb2.UNIT_PIECE, weight_g=250)
    row = inventory_service_pb2.ItemRow(item=item)
    rows(engine.inventory.UpsertItems(inventory_service_pb2.UpsertItemsRequest(request_id="items", rows=[row])))
    receive(engine, "first", stock, sku)


def receive(engine, request_id, quantity, sku="TEA"):
    request = inventory_service_pb2.ReceiveStockRequest(
        request_id=request_id, sku=sku, node_id="central", quantity=quantity
    )
    return engine.inventory.ReceiveStock(request, metadata=NODE)


def order(number, quantity=1, sku="TEA", mode=orders_service_pb2.PLACE_MODE_CONFIRM, **more):
    total = 1999 * quantity
    line = place_line_pb2.PlaceLine(
        sku=sku,
        quantity=quantity,
        delivery_method=order_pb2.DELIVERY_METHOD_SHIP_HOME,
        amounts=order_pb2.LineAmounts(unit_price=eur(1999), total=eur(total)),
    )
    return orders_service_pb2.PlaceOrderRequest(
        request_id=f"place-{number}",
        external_order_number=number,
        mode=mode,
        contact=place_pb2.Contact(name="Ada Example", phone="+49305550100", email="ada@example.com"),
        ship_to=place_pb2.Address(
            name="Ada Example", street_lines=["Teststraße 1"], city="Berlin", postal_code="10115", country_code="DE"
        ),
        lines=[line],
        amounts=order_pb2.OrderAmounts(total=eur(total), tax_included=True),
        **more,
    )


def details(error):
    """The reason, its facts and the fields at fault of a refusal."""
    info, fields, retry = error_details_pb2.ErrorInfo(), {}, None
    for detail in rpc_status.from_call(error).details:
        bad_request, retry_info = error_details_pb2.BadRequest(), error_details_pb2.RetryInfo()
        if detail.Unpack(bad_request):
            fields = {violation.field: violation.description for violation in bad_request.field_violations}
        elif detail.Unpack(retry_info):
            retry = retry_info.retry_delay
        else:
            detail.Unpack(info)
    return info, fields, retry


def seconds(at):
    """A point in time as seconds since 1970."""
    assert isinstance(at, timestamp_pb2.Timestamp)
    return at.seconds


class Taken(threading.Thread):
    """Takes messages of a stream in the background until the stream breaks."""

    def __init__(self, call):
        super().__init__(daemon=True)
        self._call = call
        self._arrived = threading.Condition()
        self.messages = []
        self.error = None
        self.start()

    def run(self):
        try:
            for message in self._call:
                with self._arrived:
                    self.messages.append(message)
                    self._arrived.notify_all()
        except grpc.RpcError as error:
            with self._arrived:
                self.error = error
                self._arrived.notify_all()

    def wait(self, fits):
        """The messages so far, once `fits` says so of them."""
        deadline = time.monotonic() + PATIENCE
        with self._arrived:
            while not fits(self.messages):
                if not self._arrived.wait(deadline - time.monotonic()):
                    raise TimeoutError(f"{len(self.messages)} messages came: {self.messages[-3:]}")
                if self.error and not fits(self.messages):
                    raise self.error
            return list(self.messages)

    def wait_broken(self):
        """The error that ended the stream."""
        deadline = time.monotonic() + PATIENCE
        with self._arrived:
            while self.error is None:
                if not self._arrived.wait(deadline - time.monotonic()):
                    raise TimeoutError("the stream is still open")
            return self.error

    def cancel(self):
        self._call.cancel()
