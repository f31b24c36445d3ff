// SPDX-License-Identifier: MIT
/*
 * Which loops the MAC unit runs on this processor. Asked anew for each command:
 * the answer is a few bit tests, and the machine keeps no global state.
 */
#include "kernels.h"

#include <stddef.h>

const struct kernels *const npu_kernels_all[] = {
#ifdef __x86_64__
	&npu_kernels_avx512,
	&npu_kernels_avx2,
#endif
#ifdef __aarch64__
	&npu_kernels_neon_dot,
	&npu_kernels_neon,
#endif
	&npu_kernels_portable,
	NULL,
};

const struct kernels *npu_kernels_best(void)
{
	const struct kernels *const *k = npu_kernels_all;

	while (!(*k)->is_supported())
		k++;
	return *k;
}
