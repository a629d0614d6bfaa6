/** Messages of rtnetlink, one for each request. <linux/rtnetlink.h> */
export const RTM = {
  NEWLINK: 16,
  DELLINK: 17,
  GETLINK: 18,
  SETLINK: 19,
  NEWADDR: 20,
  DELADDR: 21,
  GETADDR: 22,
  NEWROUTE: 24,
  DELROUTE: 25,
  GETROUTE: 26,
  NEWRULE: 32,
  DELRULE: 33,
  GETRULE: 34,
  NEWQDISC: 36,
  DELQDISC: 37,
  GETQDISC: 38,
  NEWTFILTER: 44,
  GETTFILTER: 46,
  NEWNSID: 88,
  GETNSID: 90,
  NEWLINKPROP: 108,
  DELLINKPROP: 109,
  NEWVLAN: 112,
  GETVLAN: 114,
} as const;

/** Multicast groups of rtnetlink events. <linux/rtnetlink.h> */
export const RTNLGRP = { LINK: 1, IPV6_IFADDR: 9 } as const;
