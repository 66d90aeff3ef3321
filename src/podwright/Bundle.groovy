package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = 'a9c7255ec411a47c6feb05ad5b27968bc7c801923f2b2684cdc7a9c35b439027'
  static final String JOBS_SUM = '1e49ad98c5924f0bf20e3877336e42808d7d815da71800ffb6b8e07bc43051b6'

  private static final long serialVersionUID = 1L
}
