"""Envoy: listeners, routes and clusters, in one file, in several, or as it dumps them."""

import json

import pytest

from analyzer.errors import ConfigSyntaxError
from analyzer.importers import envoy
from analyzer.importers.reading import read_texts


def problems(text):
    with pytest.raises(ConfigSyntaxError) as caught:
        envoy.read(text, "e")
    return list(caught.value.problems)


def test_listeners_routes_clusters_and_borrowed_addresses(sample, rows, warned):
    mapping = sample("envoy", "envoy.yaml")
    assert rows(mapping) == [
        "203.0.113.10:80/tcp@7 proxy 10.0.2.11:8080@55",
        "203.0.113.10:80/tcp@7 proxy 10.0.2.12:8080@59 off",
        "[2001:db8::10]:80/tcp@10 proxy 10.0.2.11:8080@55",
        "[2001:db8::10]:80/tcp@10 proxy 10.0.2.12:8080@59 off",
        "203.0.113.53:53/udp@32 nat 10.0.2.53:53@72",
    ]
    assert [str(a) for a in mapping.balancers] == ["10.0.2.1"]
    assert [text.split(";")[0] for text in warned(mapping)] == [
        "66: cluster images: 'images.example.com' is a name",
        "27: no cluster called 'gone' in what we read",
        "42: listener everywhere: every address of the balancer (0.0.0.0), not one",
    ]


def socket(address, port):
    return {"socketAddress": {"address": address, "portValue": port}}


LISTENER = {"@type": "type.googleapis.com/envoy.config.listener.v3.Listener", "name": "shop",
            "address": socket("203.0.113.10", 80),
            "filterChains": [{"filters": [{"typedConfig": {"rds": {}, "routeConfigName": "routes"}}]}]}
ROUTES = {"@type": "type.googleapis.com/envoy.config.route.v3.RouteConfiguration", "name": "routes",
          "virtualHosts": [{"routes": [{"route": {"cluster": "web"}}]}]}
CLUSTER = {"@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster", "name": "web", "type": "EDS", "lbPolicy": "RANDOM"}
LOAD = {"@type": "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment", "clusterName": "web",
        "endpoints": [{"lbEndpoints": [{"endpoint": {"address": socket("10.0.2.11", 8080)}}]}]}


def test_discovered_resources_in_files_of_their_own(rows):
    files = [(json.dumps({"resources": [one]}), f"{n}.json") for n, one in enumerate([LISTENER, ROUTES, CLUSTER, LOAD])]
    mapping = read_texts(files)
    assert rows(mapping) == ["203.0.113.10:80/tcp@1 proxy 10.0.2.11:8080@1"]
    assert [str(mapping.services[0].origin), str(mapping.services[0].reals[0].origin)] == ["0.json:1", "3.json:1"]


def test_a_config_dump(rows):
    dump = {"configs": [
        {"@type": "type.googleapis.com/envoy.admin.v3.ListenersConfigDump", "dynamic_listeners": [{"active_state": {"listener": LISTENER}}]},
        {"@type": "type.googleapis.com/envoy.admin.v3.ClustersConfigDump", "dynamic_active_clusters": [{"cluster": {**CLUSTER, "load_assignment": LOAD}}]},
        {"dynamic_route_configs": [{"route_config": ROUTES}]}]}
    assert rows(read_texts([(json.dumps(dump), "dump.json")])) == ["203.0.113.10:80/tcp@1 proxy 10.0.2.11:8080@1"]


@pytest.mark.parametrize("name, expected", [
    ("envoyproxy+examples__mysql__envoy.yaml", [
        "30: cluster mysql_cluster: 'mysql' is a name; we do not ask the DNS",
        "6: listener mysql_listener: every address of the balancer (0.0.0.0), not one; say which in a mapping file of your own",
        "0: read as envoy, but no virtual service in it"]),
    ("envoyproxy+examples__udp__envoy.yaml", [
        "33: cluster service_udp: 'service-udp' is a name; we do not ask the DNS",
        "7: listener listener_0: every address of the balancer (0.0.0.0), not one; say which in a mapping file of your own",
        "0: read as envoy, but no virtual service in it"]),
])
def test_examples_that_name_no_address(shared, warned, name, expected):
    """By hand: every example listens on 0.0.0.0 and names its servers by host name."""
    mapping = shared("envoy", name)
    assert not mapping.services
    assert warned(mapping) == expected


def test_every_damaged_line_is_named():
    assert problems("""\
static_resources:
  listeners:
  - name: a
    address: {socket_address: {address: 203.0.113.400, port_value: 80}}
    filter_chains: [{filters: [{typed_config: {cluster: web}}]}]
  - name: b
    address: {socket_address: {address: 203.0.113.10, prt_value: 80}}
    filter_chains: [{filters: [{typed_config: {cluster: web}}]}]
  clusters:
  - name: web
    load_assignment:
      endpoints:
      - lb_endpoints:
        - endpoint: {address: {socket_address: {address: 10.0.2.11, port_value: http}}}
        - endpoint: {address: {socket_address: {addresz: 10.0.2.12, port_value: 80}}}
""") == [
        "e:4:41: expected listener a: an IPv4 or IPv6 address, got '203.0.113.400'",
        "e:7:31: expected listener b: the key 'port_value', got none",
        "e:7:55: expected a keyword that we know, got 'prt_value'; did you mean 'port_value'?",
        "e:14:81: expected cluster web: a port from 1 to 65535, got 'http'",
        "e:15:49: expected a keyword that we know, got 'addresz'; did you mean 'address'?",
    ]
