/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Overview: the part of the kernel's types that our programs touch, written by hand. Only names and
 * types matter: preserve_access_index makes libbpf look each field up in the running kernel's BTF
 * and correct its offset at load. Fields that were renamed over the years stand in variants whose
 * name ends in ___something; bpf_core_field_exists chooses.
 */
#ifndef TRN_SENSOR_VMLINUX_H
#define TRN_SENSOR_VMLINUX_H

#include <linux/bpf.h>
#include <linux/types.h>

#ifndef bool
#define bool _Bool
#define true 1
#define false 0
#endif

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
    int counter;
} atomic_t;

typedef struct {
    long long counter;
} atomic64_t;

typedef struct {
    __u32 val;
} kuid_t;

typedef struct {
    __u32 val;
} kgid_t;

struct ns_common {
    unsigned int inum;
};

struct user_namespace {
    struct ns_common ns;
};

/* 6.3 and later; two halves before, with the same bytes: read it whole. */
typedef struct {
    __u64 val;
} kernel_cap_t;

struct cred {
    kuid_t uid;
    kgid_t gid;
    kuid_t euid;
    kernel_cap_t cap_effective;
    struct user_namespace *user_ns;
};

struct qstr {
    const unsigned char *name;
};

struct super_block {
    __u32 s_dev;
    unsigned long s_magic;
};

/* Linux 6.13 and later. */
struct inode {
    struct super_block *i_sb;
    unsigned long i_ino;
    unsigned short i_mode;
    __u32 i_rdev;
    unsigned int i_nlink;
    long long i_size;
    long long i_ctime_sec;
    __u32 i_ctime_nsec;
};

/* Memory files, and files on tmpfs. */
struct shmem_inode_info {
    unsigned int seals;
    struct inode vfs_inode;
};

struct timespec64 {
    long long tv_sec;
    long tv_nsec;
};

/* Linux 6.6 to 6.10. */
struct inode___v66 {
    struct timespec64 __i_ctime;
};

/* Before 6.6. */
struct inode___old {
    struct timespec64 i_ctime;
};

struct dentry {
    struct dentry *d_parent;
    struct qstr d_name;
    struct inode *d_inode;
};

struct vfsmount {
    struct dentry *mnt_root;
    int mnt_flags;
};

struct mount {
    struct mount *mnt_parent;
    struct dentry *mnt_mountpoint;
    struct vfsmount mnt;
};

struct path {
    struct vfsmount *mnt;
    struct dentry *dentry;
};

struct file {
    struct path f_path;
    struct inode *f_inode;
    void *private_data;
};

struct fdtable {
    unsigned int max_fds;
    struct file **fd;
};

struct files_struct {
    struct fdtable *fdt;
};

struct fs_struct {
    struct path root;
    struct path pwd;
};

struct mm_struct {
    unsigned long arg_start;
    unsigned long arg_end;
    unsigned long env_start;
    unsigned long env_end;
    struct file *exe_file;
    struct task_struct *owner; /* with CONFIG_MEMCG */
};

#if defined(__TARGET_ARCH_x86)
struct pt_regs {
    unsigned long bx, cx, dx, si, di, r8, r10, orig_ax, ip;
};
#else
struct user_pt_regs {
    __u64 regs[31];
    __u64 pc;
};
struct pt_regs {
    struct user_pt_regs user_regs;
    __u64 orig_x0;
    int syscallno;
};
#endif

struct thread_info {
    __u32 status; /* x86 */
};

struct io_wq_work {
    int cancel_seq;
};

struct io_worker {
    struct io_wq_work *cur_work;
};

struct io_kiocb {
    __u8 opcode;
    struct io_wq_work work;
};

struct pid_namespace {
    struct ns_common ns;
};

struct upid {
    int nr;
    struct pid_namespace *ns;
};

enum pid_type {
    PIDTYPE_PID,
    PIDTYPE_TGID,
};

struct pid {
    unsigned int level;
    struct upid numbers[1];
};

struct tty_struct {
    char name[64];
};

struct signal_struct {
    atomic_t live;
    int group_exit_code;
    unsigned int flags;
    struct pid *pids[4];
    struct tty_struct *tty;
};

struct mnt_namespace {
    struct ns_common ns;
};

struct net {
    struct ns_common ns;
};

struct nsproxy {
    struct mnt_namespace *mnt_ns;
    struct net *net_ns;
};

/* Linux 6.15 and later. */
struct kernfs_node {
    struct kernfs_node *__parent;
    const char *name;
    __u64 id;
};

/* Before 6.15. */
struct kernfs_node___old {
    struct kernfs_node *parent;
};

struct cgroup_root;

struct cgroup {
    struct kernfs_node *kn;
    int level;
    struct cgroup_root *root;
    struct cgroup *ancestors[1];
};

struct cgroup_subsys_state {
    struct cgroup *cgroup;
};

/* The number is looked up in the running kernel. */
enum cgroup_subsys_id {
    memory_cgrp_id = 4,
};

/* Before 6.1. */
struct cgroup___old {
    __u64 ancestor_ids[1];
};

struct css_set {
    struct cgroup_subsys_state *subsys[16];
    struct cgroup *dfl_cgrp;
};

struct task_struct {
    void *stack;
    struct thread_info thread_info;
    unsigned int flags;
    unsigned int ptrace;
    unsigned int personality;
    int exit_code;
    int pid;
    int tgid;
    struct task_struct *real_parent;
    struct task_struct *parent; /* its debugger, while ptrace is set */
    struct task_struct *group_leader;
    __u64 start_boottime;
    const struct cred *cred;
    char comm[16];
    struct mm_struct *mm;
    struct fs_struct *fs;
    struct files_struct *files;
    struct nsproxy *nsproxy;
    struct signal_struct *signal;
    struct css_set *cgroups;
    void *worker_private;
    struct pid *thread_pid;
    kuid_t loginuid; /* with CONFIG_AUDIT */
    unsigned int sessionid;
};

struct linux_binprm {
    int argc;
    const char *filename;
    const char *interp;
};

struct in6_addr {
    union {
        __u8 u6_addr8[16];
        __u32 u6_addr32[4];
    } in6_u;
};

struct sock_common {
    __u32 skc_daddr;
    __u32 skc_rcv_saddr;
    __u16 skc_dport;
    __u16 skc_num;
    unsigned short skc_family;
    volatile unsigned char skc_state;
    struct in6_addr skc_v6_daddr;
    struct in6_addr skc_v6_rcv_saddr;
    unsigned long skc_flags;
    atomic64_t skc_cookie;
};

typedef struct {
    int owned; /* a task has it locked */
} socket_lock_t;

struct sock {
    struct sock_common __sk_common;
    socket_lock_t sk_lock;
    int sk_err;
    __u8 sk_userlocks : 4;
    __u8 sk_kern_sock : 1;
    __u16 sk_type;
    __u16 sk_protocol;
};

struct socket {
    struct sock *sk;
};

struct inet_sock {
    __u16 inet_sport;
};

struct inet_bind_bucket {
    signed char fastreuse;
};

struct inet_connection_sock {
    struct inet_bind_bucket *icsk_bind_hash;
};

struct tcp_sock {
    __u64 bytes_sent;
    __u64 bytes_retrans;
    __u64 bytes_received;
    bool is_mptcp; /* with CONFIG_MPTCP */
};

struct seq_file;

struct bpf_iter_meta {
    struct seq_file *seq;
    __u64 session_id;
    __u64 seq_num;
};

struct bpf_iter__task {
    union {
        struct bpf_iter_meta *meta;
    };
    union {
        struct task_struct *task;
    };
};

struct bpf_iter__task_file {
    union {
        struct bpf_iter_meta *meta;
    };
    union {
        struct task_struct *task;
    };
    __u32 fd;
    union {
        struct file *file;
    };
};

/* Linux 6.5 and later: what is mapped of a stacked file system is the file below. */
struct backing_file {
    struct path user_path;
};

struct vm_area_struct {
    unsigned long vm_start;
    unsigned long vm_end;
    unsigned long vm_flags;
    const void *vm_ops;
    struct file *vm_file;
};

struct bpf_iter__task_vma {
    union {
        struct bpf_iter_meta *meta;
    };
    union {
        struct task_struct *task;
    };
    union {
        struct vm_area_struct *vma;
    };
};

#pragma clang attribute pop

#endif
