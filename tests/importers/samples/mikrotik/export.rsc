# nov/22/2026 12:00:00 by RouterOS 7.11
/ip address
add address=203.0.113.2/24 interface=ether1 network=203.0.113.0
add address=10.0.2.1/24 interface=bridge
/ip firewall address-list
add address=203.0.113.20 list=vips
add address=203.0.113.21 list=vips
/ip firewall nat
add action=masquerade chain=srcnat out-interface=ether1
add action=dst-nat chain=dstnat comment="shop, half" dst-address=203.0.113.10 \
    dst-port=80 nth=2,1 protocol=tcp to-addresses=10.0.2.11 to-ports=8080
add action=dst-nat chain=dstnat dst-address=203.0.113.10 dst-port=80 protocol=tcp to-addresses=10.0.2.12 to-ports=8080
add action=jump chain=dstnat dst-address-list=vips jump-target=lists
add action=dst-nat chain=lists dst-port=53,5353 protocol=udp to-addresses=10.0.2.53-10.0.2.54
add action=dst-nat chain=dstnat disabled=yes dst-address=203.0.113.30 to-addresses=10.0.2.30
add action=dst-nat chain=dstnat dst-port=2222 in-interface=ether1 protocol=tcp to-addresses=10.0.2.16 to-ports=22
add action=redirect chain=dstnat dst-port=53 protocol=udp to-ports=53
add action=src-nat chain=srcnat dst-address=10.0.2.53 to-addresses=10.0.2.1
