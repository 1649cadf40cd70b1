/* x */
#include "policy/internal.h"
int trn_policy_parse(struct trn_str text, struct trn_policy *ret, struct trn_policy_error *err)
{
    return -EINVAL;
}
