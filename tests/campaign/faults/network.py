"""The network between the applications and those who ask them."""
import signal

import dns_server
from applications import PORTS
from children import run
from faults import Fault
from world import SERVER


class OnPort(Fault):
    """Harms one application through its port."""
    targets = ("redis", "memcached", "nginx", "postgres")

    def aim(self):
        target = self.dice.choice(self.targets)
        self.suffering = [target]
        self.harm("port", PORTS[target])
        return target

    def rule(self, network, chain, *rest):
        """An iptables rule of one namespace, taken back by `remove`."""
        inside = self.world.inside(network)
        run(["iptables-legacy", "-w", "-A", chain, *rest], inside)
        self.undo_by(run, ["iptables-legacy", "-w", "-D", chain, *rest], inside)


class PacketLoss(OnPort):
    name = "packet-loss"
    about = "8 % of the packets from an application to its clients are lost"

    def inject(self):
        target = self.aim()
        self.rule(self.world.client_network, "INPUT", "-p", "tcp", "--sport", PORTS[target], "-m",
                  "statistic", "--mode", "random", "--probability", "0.08", "-j", "DROP")


class Delay(OnPort):
    name = "delay"
    about = "every packet from an application to its clients takes 40 ms longer"

    def inject(self):
        target = self.aim()
        self.hog("delay", 40, network=self.world.client_network)
        self.rule(self.world.client_network, "INPUT", "-p", "tcp", "--sport", PORTS[target], "-j",
                  "NFQUEUE", "--queue-num", "0", "--queue-bypass")


class SynQueue(OnPort):
    name = "syn-queue"
    about = "connections that are never completed overflow the SYN queue of Redis"
    by_event = True
    targets = ("redis",)

    def inject(self):
        self.aim()
        inside = self.world.inside(self.world.server_network)
        run(["sysctl", "-q", "-w", "net.ipv4.tcp_syncookies=0"], inside)
        self.undo_by(run, ["sysctl", "-q", "-w", "net.ipv4.tcp_syncookies=1"], inside)
        self.hog("syn", SERVER, PORTS["redis"], 500, network=self.world.client_network)


class DnsFailure(Fault):
    name = "dns-failure"
    about = "the name server of the services no longer answers"

    def inject(self):
        self.suffering = ["middle", "frontend", "proxy"]
        self.harm("process", self.applications.names.pid)
        self.harm("domain", *(name + dns_server.SUFFIX for name in ("middle", "backend")))
        self.undo_by(self.applications.names.send_signal, signal.SIGCONT)
        self.applications.names.send_signal(signal.SIGSTOP)


class AcceptQueue(OnPort):
    name = "accept-queue"
    about = "bursts of connections overflow the accept queue of Redis"
    targets = ("redis",)

    def inject(self):
        self.aim()
        inside = self.world.inside(self.world.client_network)
        # Otherwise the storm soon has no port left.
        run(["sysctl", "-q", "-w", "net.ipv4.tcp_tw_reuse=1"], inside)
        self.undo_by(run, ["sysctl", "-q", "-w", "net.ipv4.tcp_tw_reuse=2"], inside)
        for _ in range(3):
            self.hog("storm", SERVER, PORTS["redis"], 300, network=self.world.client_network)


class ResetStorm(OnPort):
    name = "rst-storm"
    about = "connections of an application are reset, one packet in thirty"
    targets = ("redis", "memcached", "nginx")

    def inject(self):
        target = self.aim()
        self.rule(self.world.server_network, "INPUT", "-p", "tcp", "--dport", PORTS[target], "-m",
                  "statistic", "--mode", "random", "--probability", "0.03", "-j", "REJECT",
                  "--reject-with", "tcp-reset")


class SmallReceiveWindow(OnPort):
    name = "small-receive-window"
    about = "the clients of nginx have tiny receive buffers and read slowly"
    targets = ("nginx",)

    def inject(self):
        target = self.aim()
        self.load.order(f"receive {target} 4096")
        self.undo_by(self.load.order, f"receive {target} 0")


class BandwidthLimit(OnPort):
    name = "bandwidth-limit"
    about = "the wire carries 6 Mbit/s of what one application sends"
    targets = ("nginx",)

    def inject(self):
        target = self.aim()
        self.harm("interface", "wire")
        inside = self.world.inside(self.world.server_network)
        run(["tc", "qdisc", "add", "dev", "wire", "root", "handle", "1:", "htb"], inside)
        self.undo_by(run, ["tc", "qdisc", "del", "dev", "wire", "root"], inside)
        run(["tc", "class", "add", "dev", "wire", "parent", "1:", "classid", "1:5", "htb", "rate",
             "6mbit", "ceil", "6mbit"], inside)
        self.rule_classify(target)

    def rule_classify(self, target):
        inside = self.world.inside(self.world.server_network)
        rest = ["POSTROUTING", "-p", "tcp", "--sport", PORTS[target], "-j", "CLASSIFY",
                "--set-class", "1:5"]
        run(["iptables-legacy", "-w", "-t", "mangle", "-A", *rest], inside)
        self.undo_by(run, ["iptables-legacy", "-w", "-t", "mangle", "-D", *rest], inside)
