/* Who holds what: what scripts/rights-table makes docs/rights.md from. */
#ifndef ROOT_AUDIT_H
#define ROOT_AUDIT_H

/** Once all VMs run: prints the capability tables of all partitions, if the description says `audit`. */
void audit_look(void);

#endif
