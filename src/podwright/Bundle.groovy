package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = 'c04036d4416b9a5a3bb8d6cca0b6f7c16a672e224288822ccc1740693304ebf5'
  static final String JOBS_SUM = '69e2138bb14e2a2ca0e380e16aaf1fdfe068439f6ddcb37a34f74b77e3be7d4f'

  private static final long serialVersionUID = 1L
}
