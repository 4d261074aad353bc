"""A Kafka of several nodes on 127.0.0.1, each broker behind a proxy that can be slow, frozen or cut.

    with Cluster(folder) as kafka:
        kafka.create("orders", [[1, 2], [2], [3]])
        kafka.nodes[2].kill()
        kafka.nodes[3].proxy.delay = 0.05
        kafka.nodes[2].start()
        wait_for(60, "all lead", lambda: -1 not in kafka.leaders("orders").values())

Node 1 is a broker and the controller; the others are brokers only, and each speaks with the controller through a proxy
of its own (`wall`): frozen, the broker is cut off from its controller and not from clients. Clients are given the
proxies' addresses, of each broker and by each broker. What was stored survives kill(). Needs Java and Kafka's jars, as
scripts/local_kafka.sh fetches them.
"""

import asyncio
import concurrent.futures
import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time

import kafka_admin

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LOCAL_KAFKA = os.path.join(ROOT, "scripts", "local_kafka.sh")

# Three of these fit on a small machine: the quick compiler alone has a node up in half of the time.
# It reads the names of files in the encoding of the locale.
JAVA = ["env", "LC_ALL=C.UTF-8", "java", "-Xms64m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
        "-Dorg.slf4j.simpleLogger.showDateTime=true", "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS"]

# A broker that was killed is out of the cluster after its session; what moves then are the leaders.
PROPERTIES = {
    "broker.session.timeout.ms": 4000,
    "broker.heartbeat.interval.ms": 1000,
    "replica.lag.time.max.ms": 5000,
    "offsets.topic.num.partitions": 5,
    "transaction.state.log.num.partitions": 3,
    "transaction.state.log.min.isr": 1,
    "group.initial.rebalance.delay.ms": 0,
    "group.min.session.timeout.ms": 1000,
    "auto.create.topics.enable": "false",
    "num.network.threads": 2,
    "num.io.threads": 4,
}
READY_SECONDS = 120
CHUNK_BYTES = 1 << 16
CHUNKS_HELD = 64  # in each direction of a connection; more is held back in the sender


class NotInTime(TimeoutError):
    pass


def wait_for(seconds, what, condition, step=0.1):
    """Until the condition holds; what it raises as OSError counts as not yet. Returns its value."""
    deadline = time.monotonic() + seconds
    last = None
    while time.monotonic() < deadline:
        try:
            value = condition()
            if value:
                return value
            last = None
        except OSError as e:
            last = e
        time.sleep(step)
    raise NotInTime(f"not within {seconds} s: {what}" + (f": {last}" if last else ""))


def free_port():
    """Below the range that the kernel gives to outgoing connections: a killed node finds it free again."""
    while True:
        port = random.randrange(10000, 30000)
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


class Loop:
    """The thread in which all proxies of a cluster work."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    def call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(30)

    @staticmethod
    async def cancel_all():
        tasks = [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def close(self):
        self.call(self.cancel_all())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)


class Proxy:
    """Carries bytes between the clients of its port and a port of a node.

    delay   seconds each way; may change at any time
    """

    def __init__(self, loop, target, delay=0.0):
        self.loop = loop
        self.port = free_port()
        self.target = target
        self.delay = delay
        self.open_gate = None
        self.writers = set()
        loop.call(self.listen())

    def freeze(self):
        """No byte passes in either direction, and connections stay; what comes meanwhile is held."""
        self.loop.loop.call_soon_threadsafe(self.open_gate.clear)

    def thaw(self):
        self.loop.loop.call_soon_threadsafe(self.open_gate.set)

    def refuse(self):
        """All connections end, and so does each that comes. Returns what accept() takes."""
        target, self.target = self.target, free_port()
        self.cut()
        return target

    def accept(self, target):
        self.target = target

    def cut(self):
        """All connections end."""
        self.loop.loop.call_soon_threadsafe(self.abort)

    def abort(self):
        for writer in list(self.writers):
            writer.transport.abort()

    async def listen(self):
        self.open_gate = asyncio.Event()
        self.open_gate.set()
        await asyncio.start_server(self.serve, "127.0.0.1", self.port)

    async def serve(self, reader, writer):
        self.writers.add(writer)
        other = None
        try:
            await self.open_gate.wait()
            far_reader, other = await asyncio.open_connection("127.0.0.1", self.target)
            self.writers.add(other)
            await asyncio.gather(self.carry(reader, other), self.carry(far_reader, writer))
        except OSError:
            pass  # the node is down, or the connection ended: so does the other side
        finally:
            for each in (writer, other):
                if each:
                    self.writers.discard(each)
                    each.close()

    async def carry(self, reader, writer):
        held = asyncio.Queue(CHUNKS_HELD)
        delivery = asyncio.ensure_future(self.deliver(held, writer))
        data = b"begin"
        try:
            while data:
                try:
                    data = await reader.read(CHUNK_BYTES)
                except OSError:
                    data = b""
                await held.put((time.monotonic() + self.delay, data))
            await delivery
        finally:
            delivery.cancel()

    async def deliver(self, held, writer):
        while True:
            due, data = await held.get()
            await asyncio.sleep(max(0, due - time.monotonic()))
            await self.open_gate.wait()
            if not data:
                writer.close()
                return
            if writer.is_closing():
                continue  # read on, so that nobody waits for room, until the other side ends too
            try:
                writer.write(data)
                await writer.drain()
            except OSError:
                writer.close()


class Node:
    """One process. Its id is its number in the cluster, from 1."""

    def __init__(self, cluster, number):
        self.cluster = cluster
        self.id = number
        self.folder = os.path.join(cluster.folder, f"node-{number}")
        self.port = free_port()  # of the broker itself
        self.proxy = Proxy(cluster.loop, self.port)
        self.address = f"127.0.0.1:{self.proxy.port}"  # for clients
        self.wall = Proxy(cluster.loop, cluster.controller_port) if number > 1 else None
        self.process = None

    def write_properties(self):
        is_controller = self.wall is None
        listeners = [f"PLAINTEXT://127.0.0.1:{self.port}"]
        if is_controller:
            listeners.append(f"CONTROLLER://127.0.0.1:{self.cluster.controller_port}")
        controller = self.cluster.controller_port if is_controller else self.wall.port
        properties = {
            **PROPERTIES,
            "process.roles": "broker,controller" if is_controller else "broker",
            "node.id": self.id,
            "controller.quorum.voters": f"1@127.0.0.1:{controller}",
            "controller.listener.names": "CONTROLLER",
            "listeners": ",".join(listeners),
            "advertised.listeners": f"PLAINTEXT://{self.address}",
            "log.dirs": "data",  # in the folder in which Java runs: it reads this file as Latin-1
            "offsets.topic.replication.factor": self.cluster.size,
            "transaction.state.log.replication.factor": self.cluster.size,
            **self.cluster.properties,
        }
        os.makedirs(self.folder)
        with open(os.path.join(self.folder, "server.properties"), "w", encoding="utf-8") as f:
            f.writelines(f"{name}={value}\n" for name, value in properties.items())

    def java(self, *words):
        return [*JAVA, "-cp", f"{self.cluster.jars}/*", *words]

    def format_data(self, cluster_id):
        """Kafka's own tool for the controller, which it gives more than an id; a second of work for each."""
        data = os.path.join(self.folder, "data")
        if self.wall is None:
            words = self.java("kafka.tools.StorageTool", "format", "-t", cluster_id, "-c")
            with open(os.path.join(self.folder, "format.log"), "w", encoding="utf-8") as log:
                subprocess.run([*words, "server.properties"], cwd=self.folder, stdout=log, stderr=log, check=True)
            return
        os.makedirs(data)
        with open(os.path.join(data, "meta.properties"), "w", encoding="utf-8") as f:
            f.write(f"version=1\ncluster.id={cluster_id}\nnode.id={self.id}\ndirectory.id={make_id()}\n")

    def start(self):
        """Starts it again with its data, or for the first time. Does not wait, see is_ready."""
        with open(os.path.join(self.folder, "kafka.log"), "a", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *self.java("kafka.Kafka", "server.properties")],
                cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def is_ready(self, seconds=5):
        """It takes clients, and the cluster knows it. Asks for so many seconds at most."""
        if not self.is_running():
            raise RuntimeError(f"node {self.id} ended by itself; see {self.folder}/kafka.log")
        try:
            return self.id in kafka_admin.brokers(f"127.0.0.1:{self.port}", seconds)
        except OSError:
            return False

    def wait(self):
        wait_for(READY_SECONDS, f"node {self.id} is ready", self.is_ready)

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        """As in a crash of the process: what was acknowledged is in the page cache and comes back."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def stop(self, seconds=60):
        """In order: it hands its leaders over first."""
        if not self.is_running():
            return
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()

    def is_cut_off(self):
        return self.wall is not None and not self.wall.open_gate.is_set()

    def cut_off(self):
        """From the controller, not from clients: a leader here believes that it still is one."""
        self.wall.freeze()

    def join_again(self):
        self.wall.thaw()


def make_id():
    """16 random bytes as Kafka writes them; '-' may not come first."""
    return "A" + "".join(random.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", k=20)) + "A"


class Cluster:
    """`properties` are further ones for every node."""

    def __init__(self, folder, size=3, properties=None):
        self.folder = folder
        self.size = size
        self.properties = properties or {}
        self.controller_port = free_port()
        self.jars = subprocess.run([LOCAL_KAFKA, "jars"], capture_output=True, text=True, check=True).stdout.strip()
        self.loop = Loop()
        self.nodes = {number: Node(self, number) for number in range(1, size + 1)}

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        """All nodes at once."""
        cluster_id = make_id()
        for node in self.nodes.values():
            node.write_properties()
            node.format_data(cluster_id)
        for node in self.nodes.values():
            node.start()
        self.wait()

    def wait(self):
        """Until all nodes are ready, and each knows all others."""
        for node in self.nodes.values():
            node.wait()
        everybody = set(self.nodes)
        for node in self.nodes.values():
            address = f"127.0.0.1:{node.port}"
            wait_for(READY_SECONDS, "all nodes know each other", lambda: everybody <= set(kafka_admin.brokers(address)))  # noqa: B023

    def stop(self):
        """Nothing is kept that would need an orderly end."""
        for node in self.nodes.values():
            node.kill()
        self.loop.close()

    @property
    def address(self):
        """All brokers, for clients: a list as kafka.broker takes it."""
        return ",".join(node.address for node in self.nodes.values())

    # ---- topics. What the controller knows is asked of node 1, past the proxies: it is never cut off.

    @property
    def direct(self):
        return f"127.0.0.1:{self.nodes[1].port}"

    def create(self, topic, replicas, **settings):
        """replicas: for each partition the ids of its brokers, the preferred leader first; some may have more of them
        than others. Settings as Kafka names them, with _ for each dot."""
        named = {name.replace("_", "."): value for name, value in settings.items()}
        kafka_admin.create(self.direct, topic, self.padded(replicas, max(map(len, replicas))), named)
        self.trim(topic, dict(enumerate(replicas)))
        wait_for(60, f"{topic} has leaders", lambda: self.is_led(topic, len(replicas)))

    def grow(self, topic, replicas):
        """replicas: for each further partition. Needs node 1 and a second one at work. Returns the new count."""
        known = self.partitions(topic)
        count = len(known) + len(replicas)
        kafka_admin.grow(self.direct, topic, count, self.padded(replicas, len(known[0].replicas)))
        self.trim(topic, dict(enumerate(replicas, len(known))))
        return count

    def padded(self, replicas, size):
        """Kafka gives all partitions of a topic equally many replicas at first."""
        return [[*ids, *(n for n in self.nodes if n not in ids)][:size] for ids in replicas]

    def trim(self, topic, replicas):
        known = wait_for(60, f"{topic} is known", lambda: self.partitions(topic))
        wrong = {p: ids for p, ids in replicas.items() if p not in known or known[p].replicas != ids}
        if wrong:
            wait_for(60, f"{topic} is known", lambda: set(wrong) <= set(self.partitions(topic)))
            kafka_admin.reassign(self.direct, topic, wrong)
            wait_for(60, f"{topic} has its replicas", lambda: self.has_replicas(topic, wrong))

    def has_replicas(self, topic, replicas):
        known = self.partitions(topic)
        return all(known[p].replicas == ids for p, ids in replicas.items())

    def delete(self, topic):
        kafka_admin.delete(self.direct, topic)
        wait_for(60, f"{topic} is deleted", lambda: self.partitions(topic) is None)

    def elect(self, topic, which=None, kind=kafka_admin.PREFERRED):
        """For partitions `which`, or all. Returns how many leaders moved."""
        return kafka_admin.elect(self.direct, topic, sorted(self.partitions(topic)) if which is None else which, kind)

    def partitions(self, topic):
        return kafka_admin.partitions(self.direct, topic)

    def leaders(self, topic):
        """{partition: broker id, or -1}"""
        return {p: x.leader for p, x in self.partitions(topic).items()}

    def is_led(self, topic, count=None):
        """Every partition has a leader that answers."""
        known = self.partitions(topic)
        if known is None or (count is not None and len(known) < count) or any(x.leader < 0 for x in known.values()):
            return False
        return all(self.end(topic, p) >= 0 for p in known)

    def end(self, topic, partition):
        """The offset of the next record, as its leader knows it."""
        leader = self.partitions(topic)[partition].leader
        if leader < 0:
            raise OSError(f"{topic} {partition} has no leader")
        return kafka_admin.offset(f"127.0.0.1:{self.nodes[leader].port}", topic, partition)

    def dump(self, topic, path, form, seconds=1200):
        """All records of the topic, as kcat -f writes them."""
        with open(path, "wb") as f:
            subprocess.run(
                ["kcat", "-b", self.address, "-C", "-t", topic, "-e", "-q", "-o", "beginning",
                 "-X", "check.crcs=true", "-X", "fetch.message.max.bytes=8388608", "-f", form],
                stdin=subprocess.DEVNULL, stdout=f, stderr=subprocess.DEVNULL, timeout=seconds, check=True,
            )
