package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = 'ed77c1cfa0b37e344be8a2e07abd5308b6d0eae8857ea1178f8223e1f1a3b269'
  static final String JOBS_SUM = '69e2138bb14e2a2ca0e380e16aaf1fdfe068439f6ddcb37a34f74b77e3be7d4f'

  private static final long serialVersionUID = 1L
}
