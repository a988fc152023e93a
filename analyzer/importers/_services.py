"""Port names in configurations: IANA's, and the few that vendors spell their own way."""

from __future__ import annotations

_IANA = {
    "ftp-data": 20, "ftp": 21, "ssh": 22, "telnet": 23, "smtp": 25, "tacacs": 49, "domain": 53, "bootps": 67,
    "bootpc": 68, "tftp": 69, "gopher": 70, "finger": 79, "http": 80, "kerberos": 88, "pop2": 109, "pop3": 110,
    "sunrpc": 111, "ident": 113, "nntp": 119, "ntp": 123, "imap": 143, "snmp": 161, "snmptrap": 162, "bgp": 179,
    "irc": 194, "imap3": 220, "ldap": 389, "https": 443, "submissions": 465, "isakmp": 500, "syslog": 514, "rtsp": 554,
    "submission": 587, "ipp": 631, "ldaps": 636, "domain-s": 853, "rsync": 873, "ftps-data": 989, "ftps": 990,
    "telnets": 992, "imaps": 993, "pop3s": 995, "socks": 1080, "openvpn": 1194, "ms-sql-s": 1433, "ms-sql-m": 1434,
    "radius": 1812, "radius-acct": 1813, "nfs": 2049, "mysql": 3306, "ms-wbt-server": 3389, "postgresql": 5432,
    "amqp": 5672, "amqps": 5671, "sip": 5060, "sips": 5061, "redis": 6379, "http-alt": 8080, "https-alt": 8443,
}
_VENDORS = {
    "www": 80, "www-http": 80, "dns": 53, "pop-2": 109, "pop-3": 110, "mail": 25, "kerberos-sec": 88,
    "webcache": 8080, "rdp": 3389, "pcsync-https": 8443, "snmp-trap": 162, "imap4": 143, "smtps": 465, "sqlserv": 118,
    "mssql": 1433, "postgres": 5432, "ldaps-ssl": 636,
}
PORTS = _IANA | _VENDORS
