# a cluster
seesaw_vip: <
  fqdn: "vip.example.com."
  ipv4: "10.0.2.1/24"
>
node: <
  ipv4: "10.0.2.2/24"
>
vserver: <
  name: "shop@site"
  entry_address: <
    ipv4: "203.0.113.10/24"
    ipv6: "2001:db8::10/64"
  >
  vserver_entry: <
    protocol: TCP
    port: 80
  >
  vserver_entry {
    protocol: UDP
    port: 53
    mode: NAT
    healthcheck: < type: DNS mode: DSR port: 53 >
  }
  backend: <
    host: < ipv4: "10.0.2.11/24" ipv6: "2001:db8::11/64" >
    weight: 1
  >
  backend: <
    host: < fqdn: "web2.example.com." ipv4: "10.0.2.12/24" >
    weight: 0
  >
  backend: <
    host: < fqdn: "web3.example.com." >
  >
>
