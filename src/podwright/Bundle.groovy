package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = '481634f4ff5c35c503d7bd3f2869668e87032afaf7cfb7559dc1220f7531b789'
  static final String JOBS_SUM = '1e49ad98c5924f0bf20e3877336e42808d7d815da71800ffb6b8e07bc43051b6'

  private static final long serialVersionUID = 1L
}
