/** Whether there is a process of this number on this machine, whoever it belongs to. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    // One of another user cannot be signalled, and is there all the same.
    return (thrown as NodeJS.ErrnoException).code === 'EPERM';
  }
}
