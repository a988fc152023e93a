#!/bin/sh
iptables -t nat -F
iptables -t nat --append PREROUTING --destination 203.0.113.10 --protocol udp --destination-port domain \
    --jump DNAT --to-destination 10.0.2.53
iptables -t nat -I PREROUTING 1 ! -s 10.0.2.0/24 -d 203.0.113.10 -p tcp --dport http -j DNAT --to 10.0.2.11:8080
ip6tables -t nat -A PREROUTING -d 2001:db8::10 -p tcp --dport 443 -j DNAT --to-destination [2001:db8::11]:8443
iptables -t nat -A PREROUTING -d $VIP -p tcp --dport 443 -j DNAT --to-destination 10.0.2.12
iptables -t nat -A POSTROUTING -m conntrack --ctstate DNAT -j MASQUERADE
iptables -A FORWARD -j ACCEPT
